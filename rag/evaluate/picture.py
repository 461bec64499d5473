"""The curves of a confidence drawn as a picture: risk and coverage above, calibration below."""

from collections.abc import Sequence
from pathlib import Path

from rag.diagram import Curve, Panel, draw
from rag.errors import EvaluationError
from rag.evaluate.measured import confidence_error, confidence_risk
from rag.evaluate.outcomes import Outcome
from rag.measures import calibration, risk_coverage


def draw_confidence(outcomes: Sequence[Outcome], picture: Path) -> None:
    """Writes a PNG of how many answers are wrong when the most confident share of all questions is answered, and of how
    many are right at each confidence.

    Raises:
        EvaluationError: it cannot be written.
    """
    confidence = [outcome.confidence for outcome in outcomes]
    right = [outcome.found_right for outcome in outcomes]
    risks = [float(risk) for risk in risk_coverage(confidence, right)]
    curve = tuple((number / len(risks), risk) for number, risk in enumerate(risks, start=1))
    given = [outcome for outcome in outcomes if outcome.answered]
    share, wrong = len(given) / len(outcomes), sum(not outcome.right for outcome in given) / max(1, len(given))
    bins = tuple((bin.confidence, bin.right) for bin in calibration(confidence, right))
    risk_panel = Panel(
        "wrong answers by share of questions answered",
        (
            Curve(f"risk, area {confidence_risk(confidence, right):.3f}", curve),
            Curve(f"as it answers: {_percent(wrong)} of {_percent(share)}", ((share, 0.0), (share, wrong))),
        ),
        _percent,
    )
    calibration_panel = Panel(
        "right answers by confidence",
        (
            Curve(f"error {confidence_error(confidence, right):.3f}", bins),
            Curve("perfectly calibrated", ((0.0, 0.0), (1.0, 1.0))),
        ),
        _percent,
    )
    try:
        draw((risk_panel, calibration_panel), picture)
    except OSError as error:
        raise EvaluationError(f"{picture} cannot be written ({error}): expected the place of a picture") from error


def _percent(value: float) -> str:
    return f"{value:.0%}"
