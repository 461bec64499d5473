"""The theme: paper and ink, the red of a seal, and type that suits Chinese; light and dark."""

import gradio as gr

SANS = ["Source Han Sans SC", "Noto Sans CJK SC", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "sans-serif"]
MONO = ["Cascadia Mono", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace"]

THEME = gr.themes.Base(
    primary_hue="red", neutral_hue="stone", radius_size="md", text_size="lg", font=SANS, font_mono=MONO
).set(
    body_background_fill="#f8f6f1",
    body_background_fill_dark="#17181a",
    body_text_color="#24211d",
    body_text_color_dark="#e9e6e0",
    body_text_color_subdued="#655f57",
    body_text_color_subdued_dark="#a8a299",
    block_background_fill="transparent",
    block_background_fill_dark="transparent",
    block_border_color="#e0dacd",
    block_border_color_dark="#3a3d42",
    block_border_width="0px",
    button_border_width="1px",
    input_border_width="1px",
    checkbox_background_color_selected="#9d2a22",
    checkbox_background_color_selected_dark="#b23a31",
    checkbox_border_color_selected="#9d2a22",
    checkbox_border_color_selected_dark="#b23a31",
    block_label_text_color="#655f57",
    block_label_text_color_dark="#a8a299",
    block_title_text_color="#24211d",
    block_title_text_color_dark="#e9e6e0",
    input_background_fill="#ffffff",
    input_background_fill_dark="#17181a",
    input_border_color="#b9b1a3",
    input_border_color_dark="#5b5f66",
    input_border_color_focus="#9d2a22",
    input_border_color_focus_dark="#f0897f",
    input_placeholder_color="#756e65",
    input_placeholder_color_dark="#969087",
    button_primary_background_fill="#9d2a22",
    button_primary_background_fill_hover="#842019",
    button_primary_background_fill_dark="#b23a31",
    button_primary_background_fill_hover_dark="#c2483f",
    button_primary_border_color="transparent",
    button_primary_border_color_dark="transparent",
    button_primary_text_color="#ffffff",
    button_primary_text_color_dark="#ffffff",
    button_secondary_background_fill="#fffefb",
    button_secondary_background_fill_hover="#f1ece1",
    button_secondary_background_fill_dark="#202225",
    button_secondary_background_fill_hover_dark="#2c2f33",
    button_secondary_text_color="#24211d",
    button_secondary_text_color_dark="#e9e6e0",
    button_secondary_border_color="#d5cdbd",
    button_secondary_border_color_dark="#4a4e54",
    color_accent="#9d2a22",
    border_color_accent="#9d2a22",
    border_color_accent_dark="#f0897f",
)
