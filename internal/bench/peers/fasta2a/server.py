"""FastA2A with the worker of its README, which here echoes, or streams the number of
chunks that "stream N" asks for, in memory, on uvicorn with uvloop: a reference for
carrel's benchmark. Usage: python server.py PORT"""

import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fasta2a import FastA2A, Worker
from fasta2a.broker import InMemoryBroker
from fasta2a.schema import Artifact, Message, Part, TaskIdParams, TaskSendParams
from fasta2a.storage import InMemoryStorage

Context = list[Message]


class InMemoryWorker(Worker[Context]):
    async def run_task(self, params: TaskSendParams) -> None:
        task = await self.storage.load_task(params["id"])
        assert task is not None
        await self.storage.update_task(task["id"], state="working")
        context = await self.storage.load_context(task["context_id"]) or []
        context.extend(task.get("history", []))
        parts = params["message"]["parts"]
        word, _, count = parts[0]["text"].partition(" ")
        if word == "stream":
            parts = await self.stream(task["id"], task["context_id"], int(count))
        message = Message(
            role="agent",
            parts=[Part(text=f"Your context is {len(context) + 1} messages long.")],
            message_id=str(uuid.uuid4()),
        )
        context.append(message)
        artifacts = self.build_artifacts(parts)
        await self.storage.update_context(task["context_id"], context)
        await self.storage.update_task(task["id"], state="completed", new_messages=[message], new_artifacts=artifacts)

    async def stream(self, task_id: str, context_id: str, count: int) -> list[Part]:
        parts: list[Part] = []
        for i in range(count):
            parts.append(Part(text=f"{i} "))
            chunk = Artifact(artifact_id="stream", name="Stream", parts=parts[i:])
            await self.publish_artifact(task_id, context_id, chunk, append=i > 0, last_chunk=i == count - 1)
        return parts

    async def cancel_task(self, params: TaskIdParams) -> None: ...

    def build_message_history(self, history: list[Message]) -> list[Any]: ...

    def build_artifacts(self, result: list[Part]) -> list[Artifact]:
        return [Artifact(artifact_id=str(uuid.uuid4()), parts=result)]


storage = InMemoryStorage()
broker = InMemoryBroker()
worker = InMemoryWorker(storage=storage, broker=broker)


@asynccontextmanager
async def lifespan(app: FastA2A) -> AsyncIterator[None]:
    async with app.task_manager:
        async with worker.run():
            print("ready", flush=True)
            yield


app = FastA2A(storage=storage, broker=broker, lifespan=lifespan)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", http="httptools", log_level="error", access_log=False)
