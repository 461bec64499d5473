"""Load on a running app: 50 clients ask 1,000 questions, every answer is compared with that of the engine.

Who is told that it is busy asks again a second later.

    python tests/app/load.py http://127.0.0.1:7860 index/ eval_questions.jsonl

Prints how many were answered, busy, lost and wrong, and the seconds that answers took.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import httpx

import rag
from rag.evaluate import read_questions

CLIENTS, QUESTIONS = 50, 1000


async def ask(client: httpx.AsyncClient, question: str) -> tuple[float, str, Any]:
    """Seconds, "complete" or "error", and what came."""
    begun = time.perf_counter()
    posted = await client.post("/gradio_api/call/ask", json={"data": [question, 5, None]})
    event, data = "", None
    async with client.stream("GET", f"/gradio_api/call/ask/{posted.json()['event_id']}") as stream:
        async for line in stream.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                event = value
            elif name == "data":
                data = json.loads(value)
    return time.perf_counter() - begun, event, data


async def main(url: str, questions: list[str]) -> list[tuple[str, tuple[float, str, Any]]]:
    """What came for each question, asked by all clients at once, each one question at a time."""
    left = iter([questions[number % len(questions)] for number in range(QUESTIONS)])
    found = []

    async def visit(client: httpx.AsyncClient) -> None:
        for question in left:
            came = await ask(client, question)
            while came[1] == "error" and "too many questions" in str(came[2]):
                found.append((question, came))
                await asyncio.sleep(1)
                came = await ask(client, question)
            found.append((question, came))

    limits = httpx.Limits(max_connections=2 * CLIENTS)
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
        await asyncio.gather(*(visit(client) for _ in range(CLIENTS)))
    return found


if __name__ == "__main__":
    address, index, path = sys.argv[1:]
    asked = [question.question for question in read_questions(Path(path))][:100]
    begun = time.perf_counter()
    came = asyncio.run(main(address, asked))
    took = time.perf_counter() - begun
    engine = rag.open(index)
    expected = {question: engine.answer(question).to_dict() for question in asked}
    done = [(q, seconds, data[0]) for q, (seconds, event, data) in came if event == "complete"]
    busy = [data for _, (_, event, data) in came if event == "error" and "too many questions" in str(data)]
    wrong = [q for q, _, data in done if {k: v for k, v in data.items() if k != "snapshot"} != expected[q]]
    seconds = sorted(one for _, one, _ in done)
    sys.stdout.write(
        f"{QUESTIONS} questions in {took:.0f} s: {len(done)} answered, {len(busy)} times told that it is busy, "
        f"{len(came) - len(done) - len(busy)} lost, {len(wrong)} wrong\n"
        f"p50 {seconds[len(seconds) // 2]:.2f} s, p95 {seconds[int(len(seconds) * 0.95)]:.2f} s\n"
    )
