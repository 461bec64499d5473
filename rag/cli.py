"""The command `rag`: build an index, ask it, measure it, look after it, serve it."""

import argparse
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from rag import __version__
from rag.bench import open_domain, reading
from rag.doctor import examine
from rag.encoder import DEFAULT_ENCODER
from rag.engine import DEFAULT_INDEX, HOME, Engine, build, open
from rag.errors import EvaluationError, RagError
from rag.evaluate import (
    Question,
    by_group,
    compare,
    draw_confidence,
    judge,
    read_accepted,
    read_baseline,
    read_questions,
    report,
    run,
    with_known_answer,
    write_baseline,
)
from rag.index.following import follow
from rag.index.snapshot import Kept, kept_snapshots, roll_back
from rag.types import Answer, BuildReport, Citation, Passage

# As grep has it: 0 found, 1 not found, 2 an error.
_OK, _NOT_FOUND, _ERROR = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command and exits: 0 when done, 1 when it abstained or found a fault, 2 on an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a character shows its code
            stream.reconfigure(errors="backslashreplace")
    options = parse(arguments)
    logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING, format="%(message)s")
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        status = command(options)
        sys.stdout.flush()
    except RagError as error:
        print(f"rag: {error}", file=sys.stderr)
        status = _ERROR
    except OSError as error:  # the output cannot be written: a full disk, or a pipe whose reader has seen enough
        if not isinstance(error, BrokenPipeError):
            print(f"rag: {error.strerror or error}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = _ERROR
    sys.exit(status)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options in `arguments`, those of the process for None; exits when there is something wrong with them.

    What `serve`, `train` and `calibrate` are given is left to them.
    """
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command not in (_serve, _train, _calibrate):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rag", description="Answers questions in the exact words of your articles.")
    parser.add_argument("--version", action="version", version=f"yinju {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="say on the error output what is being done")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_build(commands.add_parser("build", help="build the index of a folder of articles (.txt)"))
    _add_ask(commands.add_parser("ask", help="ask a question; exit status 1 when the articles do not hold the answer"))
    _add_evaluate(commands.add_parser("evaluate", help="measure the answers to a question set"))
    _add_benches(commands.add_parser("bench", help="measure answers on public question sets, and the speed of reading"))
    _add_snapshots(commands.add_parser("snapshots", help="list the snapshots of an index, that built last first"))
    _add_rollback(commands.add_parser("rollback", help="go back to an earlier snapshot, until the next build"))
    _add_doctor(
        commands.add_parser("doctor", help="examine installation and index; exit status 1 on a warning, 2 on a fault")
    )
    for name, action, purpose in (
        ("train", _train, "train a reader on questions of your own (SQuAD format)"),
        ("calibrate", _calibrate, "fit the confidence on development questions of your own"),
        ("serve", _serve, "open the app (= python app.py)"),
    ):  # they read their arguments themselves, so that what they need is loaded for them alone
        commands.add_parser(name, help=purpose, add_help=False).set_defaults(command=action)
    return parser


def _add_build(command: argparse.ArgumentParser) -> None:
    command.add_argument("articles", metavar="ARTICLES", type=Path, help="the folder; folders below it are read too")
    command.add_argument(
        "--index", metavar="DIR", type=Path, default=DEFAULT_INDEX, help=f"default: {DEFAULT_INDEX.name}"
    )
    command.add_argument(
        "--encoder",
        metavar="NAME",
        default=DEFAULT_ENCODER,
        help="name or path of a sentence-transformers model on this machine; default: multilingual-e5-small",
    )
    command.add_argument("--follow-symlinks", action="store_true", help="read links that lead out of the folder too")
    command.add_argument("--watch", action="store_true", help="go on, and build again whenever articles change")
    command.set_defaults(command=_build)


def _add_ask(command: argparse.ArgumentParser) -> None:
    command.add_argument("question", metavar="QUESTION")
    _add_index(command)
    command.add_argument("--json", action="store_true", help="print the whole answer as JSON")
    command.set_defaults(command=_ask)


def _add_evaluate(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "questions",
        metavar="QUESTIONS.jsonl",
        type=Path,
        nargs="?",
        default=HOME / "eval_questions.jsonl",
        help="one question a line; default: eval_questions.jsonl",
    )
    _add_index(command)
    command.add_argument("--json", action="store_true", help="print measures and every outcome as JSON")
    command.add_argument("--plot", metavar="FILE.png", type=Path, help="draw the risk-coverage and calibration curves")
    instead = command.add_mutually_exclusive_group()
    instead.add_argument("--explain", metavar="ID", help="show the whole way of one question, and measure nothing")
    instead.add_argument("--check", action="store_true", help="compare with the baseline; exit status 1 when worse")
    instead.add_argument("--write-baseline", action="store_true", help="write the outcomes as the new baseline")
    command.add_argument(
        "--baseline", metavar="DIR", type=Path, default=HOME / "tests" / "baseline", help="default: tests/baseline"
    )
    command.set_defaults(command=_evaluate)


def _add_snapshots(command: argparse.ArgumentParser) -> None:
    _add_built_index(command)
    command.set_defaults(command=_snapshots)


def _add_rollback(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "snapshot",
        metavar="SNAPSHOT",
        nargs="?",
        help="a name that `rag snapshots` lists; default: the one built before that in use",
    )
    _add_built_index(command)
    command.set_defaults(command=_rollback)


def _add_doctor(command: argparse.ArgumentParser) -> None:
    _add_index(command)
    command.add_argument("--offline", action="store_true", help="also answer a question with every connection refused")
    command.set_defaults(command=_doctor)


def _add_built_index(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--index", metavar="DIR", type=Path, default=DEFAULT_INDEX, help=f"default: {DEFAULT_INDEX.name}"
    )


def _add_benches(command: argparse.ArgumentParser) -> None:
    benches = command.add_subparsers(required=True, metavar="BENCH")
    command = benches.add_parser(
        "open",
        help="every question asked of all their paragraphs as one collection",
    )
    open_domain.add_arguments(command)
    command.set_defaults(command=_bench_open)
    command = benches.add_parser("read", help="how fast passages of an index are read")
    reading.add_arguments(command)
    command.set_defaults(command=_bench_read)


def _add_index(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--index",
        metavar="DIR",
        type=Path,
        help=f"an index that was built; default: {DEFAULT_INDEX.name}, built from its articles first where that is due",
    )


def _build(options: argparse.Namespace) -> int:
    def once() -> BuildReport:
        return build(options.articles, options.index, options.encoder, options.follow_symlinks)

    if not options.watch:
        return _show_report(once(), options.index)
    for built in follow(options.articles, once, options.follow_symlinks):
        _show_report(built, options.index)
        sys.stdout.flush()
    return _OK


def _show_report(built: BuildReport, index: Path) -> int:
    for line in (*built.warnings, *built.skipped):
        print(line, file=sys.stderr)
    print(
        f"{built.passages} passages of {built.documents} documents in {built.articles} files, "
        f"{built.encoded} newly encoded, in {index} ({built.snapshot})"
    )
    if built.skipped:
        print(f"{len(built.skipped)} files were left out, see above", file=sys.stderr)
    return _NOT_FOUND if built.skipped else _OK


def _snapshots(options: argparse.Namespace) -> int:
    for kept in kept_snapshots(options.index):
        in_use, day = "*" if kept.in_use else " ", f"{kept.written:%Y-%m-%d %H:%M}"
        print(f"{in_use} {kept.name}  {day}  {_show_contents(kept)}")
    return _OK


def _show_contents(kept: Kept) -> str:
    if kept.manifest is None:
        return "damaged"
    return f"{kept.manifest.passages} passages  {len(kept.manifest.articles)} files  {kept.size / 1e6:.1f} MB"


def _rollback(options: argparse.Namespace) -> int:
    print(f"{options.index} serves {roll_back(options.index, options.snapshot)} now")
    return _OK


def _ask(options: argparse.Namespace) -> int:
    answer = open(options.index).answer(options.question)
    print(json.dumps(answer.to_dict(), ensure_ascii=False, indent=2) if options.json else _show(answer))
    return _OK if answer.answered else _NOT_FOUND


def _show(answer: Answer) -> str:
    reasons = {
        "no_candidates": "no passage fits the question",
        "no_span": "no passage holds an answer",
        "low_confidence": f"nothing found is likely enough to be right (at best {answer.confidence:.0%})",
    }
    lines = []
    if answer.reason:
        lines.append(f"Not in these articles: {reasons[answer.reason]}.")
    else:
        lines += [f"{answer.text}    ({answer.confidence:.0%})", *map(_show_citation, answer.citations)]
    if answer.alternatives:
        lines += ["", "Other answers:"]
    for other in answer.alternatives:
        lines += [f"{other.text}    ({other.confidence:.0%})", _show_citation(other.citations[0])]
    if answer.closest:
        lines += ["", "Closest, not an answer:"]
    lines += [f"    {passage.text}\n    {_show_place(passage)}" for passage in answer.closest]
    return "\n".join(lines)


def _show_citation(citation: Citation) -> str:
    before, after = citation.passage[: citation.quote_start], citation.passage[citation.quote_end :]
    return f"    {before}【{citation.quote}】{after}\n    {_show_place(citation)}"


def _show_place(found: Citation | Passage) -> str:
    place = [part for part in (found.title, found.section, found.date, found.publisher) if part]
    return f"—— {' · '.join([*place, found.source])} [{found.start}:{found.end}]"


def _evaluate(options: argparse.Namespace) -> int:
    every = read_questions(options.questions)
    if options.explain:
        print(_explain(open(options.index), every, options.explain))
        return _OK
    questions = with_known_answer(every)
    if left_out := len(every) - len(questions):
        print(f"{left_out} lines that only say that an answer is wrong are left out", file=sys.stderr)
    before = read_baseline(options.baseline) if options.check else ()
    accepted = read_accepted(options.baseline) if options.check else {}
    outcomes = run(open(options.index), questions)
    groups = by_group(outcomes)
    verdict = compare(before, outcomes, accepted) if options.check else None
    if options.write_baseline:
        write_baseline(options.baseline, outcomes)
    if options.plot:
        draw_confidence(outcomes, options.plot)
    if options.json:
        print(json.dumps(report.as_json(groups, outcomes, verdict), ensure_ascii=False, indent=1))
    else:
        print(report.table(groups, outcomes))
        if verdict:
            print("", report.verdict(verdict), sep="\n")
    return _OK if verdict is None or verdict.passed else _NOT_FOUND


def _bench_open(options: argparse.Namespace) -> int:
    print(open_domain.run(options))
    return _OK


def _bench_read(options: argparse.Namespace) -> int:
    print(reading.run(options))
    return _OK


def _explain(engine: Engine, questions: Sequence[Question], name: str) -> str:
    question = next((question for question in questions if question.id == name), None)
    if question is None:
        raise EvaluationError(f"there is no question {name!r}: expected one of the ids of the question set")
    trace = engine.trace(question.question)
    terms = engine.index.bridge.terms(trace.question)
    weights = engine.index.lexical.weights(terms)
    return report.explanation(question, trace, judge(engine, question, trace), terms, weights)


def _doctor(options: argparse.Namespace) -> int:
    findings = examine(options.index or DEFAULT_INDEX, options.offline)
    for finding in findings:
        print(f"{finding.severity.name.lower():>7}  {finding.text}")
    return max(finding.severity for finding in findings)


def _train(options: argparse.Namespace) -> int:
    from rag.train.run import add_arguments, run  # torch takes seconds to import

    parser = argparse.ArgumentParser(prog="rag train", description="Trains a reader, and resumes a training cut short.")
    add_arguments(parser)
    for result in run(parser.parse_args(options.rest)):
        auroc = "" if result.auroc is None else f"  AUROC of no answer {result.auroc:.3f}"
        print(f"{result.name}: {result.questions} questions, EM {result.exact:.1f}, F1 {result.f1:.1f}{auroc}")
    return _OK


def _calibrate(options: argparse.Namespace) -> int:
    from rag.train.calibration import add_arguments, run  # scikit-learn and torch take seconds to import

    parser = argparse.ArgumentParser(prog="rag calibrate", description="Fits the confidence of the answers.")
    add_arguments(parser)
    print(json.dumps(run(parser.parse_args(options.rest)), ensure_ascii=False, indent=1))
    return _OK


def _serve(options: argparse.Namespace) -> int:
    from rag.app import main  # gradio takes seconds to import

    main(options.rest)
    return _OK
