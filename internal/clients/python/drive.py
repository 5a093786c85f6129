"""Drives carrel with the official Python client, over one binding.

Usage: python drive.py BINDING BASE KEY WEBHOOK
"""

import asyncio
import sys
import uuid

import grpc
import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.client.client import ClientCallContext
from a2a.helpers import get_artifact_text
from a2a.types import a2a_pb2 as pb

BINDING, BASE, KEY, WEBHOOK = sys.argv[1:]


def context():
    return ClientCallContext(service_parameters={"Authorization": "Bearer " + KEY}, timeout=30)


def message(text, context_id="", task_id="", immediately=False):
    m = pb.Message(message_id=str(uuid.uuid4()), role=pb.ROLE_USER, context_id=context_id, task_id=task_id)
    m.parts.add(text=text)
    return pb.SendMessageRequest(message=m, configuration=pb.SendMessageConfiguration(return_immediately=immediately))


def check(what, ok, got):
    if not ok:
        sys.exit(f"{what}: got {got}")
    print("ok", what)


async def one(client, request):
    """The answer of a client that does not stream."""
    answers = [a async for a in client.send_message(request, context=context())]
    check("one answer", len(answers) == 1 and answers[0].HasField("task"), answers)
    return answers[0].task


async def drive():
    async with httpx.AsyncClient() as http:
        card = await A2ACardResolver(http, BASE).get_agent_card()
        check("card", card.name == "Conformance" and len(card.skills) == 1, card)

    def factory(streaming):
        return ClientFactory(ClientConfig(
            streaming=streaming, supported_protocol_bindings=[BINDING], use_client_preference=True,
            grpc_channel_factory=grpc.aio.insecure_channel))

    blocking, streaming = factory(False).create(card), factory(True).create(card)

    task = await one(blocking, message("hello"))
    check("send", task.status.state == pb.TASK_STATE_COMPLETED and get_artifact_text(task.artifacts[0]) == "hello", task)

    text, states = "", []
    async for event in streaming.send_message(message("stream 50"), context=context()):
        if event.HasField("artifact_update"):
            text += get_artifact_text(event.artifact_update.artifact)
        if event.HasField("status_update"):
            states.append(event.status_update.status.state)
    check("stream", text.split() == [str(i) for i in range(50)], text)
    check("stream ends", states[-1] == pb.TASK_STATE_COMPLETED, states)

    got = await blocking.get_task(pb.GetTaskRequest(id=task.id), context=context())
    check("get", got.id == task.id and got.status.state == pb.TASK_STATE_COMPLETED, got)

    await one(blocking, message("context first", context_id=task.context_id))
    second = await one(blocking, message("history", context_id=task.context_id))
    check("two turns in a context", "hello" in str(second) and second.context_id == task.context_id, second)

    page = await blocking.list_tasks(pb.ListTasksRequest(context_id=task.context_id, page_size=2), context=context())
    check("list", page.total_size == 3 and len(page.tasks) == 2 and page.next_page_token, page)
    page = await blocking.list_tasks(pb.ListTasksRequest(context_id=task.context_id, page_size=2, page_token=page.next_page_token), context=context())
    check("list, second page", len(page.tasks) == 1 and not page.next_page_token, page)

    asked = await one(blocking, message("input"))
    check("input required", asked.status.state == pb.TASK_STATE_INPUT_REQUIRED, asked)
    answered = await one(blocking, message("blue", task_id=asked.id, context_id=asked.context_id))
    check("input given", answered.id == asked.id and answered.status.state == pb.TASK_STATE_COMPLETED, answered)

    running = await one(blocking, message("spin", immediately=True))
    await push_configs(blocking, running.id)
    follower = asyncio.create_task(follow(streaming, running.id))
    while not follower_began.is_set():
        await asyncio.wait([follower, asyncio.create_task(follower_began.wait())], return_when=asyncio.FIRST_COMPLETED)
        if follower.done():
            follower.result()
    canceled = await blocking.cancel_task(pb.CancelTaskRequest(id=running.id), context=context())
    check("cancel", canceled.status.state == pb.TASK_STATE_CANCELED, canceled)
    check("resubscribe", (await follower)[-1] == pb.TASK_STATE_CANCELED, follower)

    for client in blocking, streaming:
        await client.close()


follower_began = asyncio.Event()


async def follow(client, task_id):
    """The states that a subscriber sees, the first that of the snapshot."""
    states = []
    async for event in client.subscribe(pb.SubscribeToTaskRequest(id=task_id), context=context()):
        if event.HasField("task"):
            states.append(event.task.status.state)
        if event.HasField("status_update"):
            states.append(event.status_update.status.state)
        follower_began.set()
    return states


async def push_configs(client, task_id):
    made = await client.create_task_push_notification_config(
        pb.TaskPushNotificationConfig(task_id=task_id, id="hook", url=WEBHOOK, token="t"), context=context())
    check("push config, create", made.id == "hook" and made.url == WEBHOOK, made)
    await client.create_task_push_notification_config(
        pb.TaskPushNotificationConfig(task_id=task_id, id="other", url=WEBHOOK), context=context())
    got = await client.get_task_push_notification_config(
        pb.GetTaskPushNotificationConfigRequest(task_id=task_id, id="hook"), context=context())
    check("push config, get", got.url == WEBHOOK, got)
    await client.delete_task_push_notification_config(
        pb.DeleteTaskPushNotificationConfigRequest(task_id=task_id, id="other"), context=context())
    listed = await client.list_task_push_notification_configs(
        pb.ListTaskPushNotificationConfigsRequest(task_id=task_id), context=context())
    check("push config, list and delete", [c.id for c in listed.configs] == ["hook"], listed)


asyncio.run(drive())
