"""Drives a server with the official Python client, over its three bindings.

CARREL_AGENT is the base of the agent of ../agent, CARREL_TOKEN a key of its tenant.
"""

import os
import unittest
import uuid

import grpc
import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.client.client import ClientCallContext
from a2a.client.interceptors import ClientCallInterceptor
from a2a.helpers.proto_helpers import new_data_part, new_raw_part, new_text_part, new_url_part
from a2a.types import a2a_pb2 as pb
from a2a.utils.errors import InvalidParamsError, TaskNotCancelableError, TaskNotFoundError, UnsupportedOperationError

from webhook import PATIENCE, Webhook

AGENT, TOKEN = os.environ['CARREL_AGENT'], os.environ['CARREL_TOKEN']

SUBMITTED, WORKING, COMPLETED = pb.TASK_STATE_SUBMITTED, pb.TASK_STATE_WORKING, pb.TASK_STATE_COMPLETED


class Keyed(ClientCallInterceptor):
    """Puts the key on every call."""

    async def before(self, args):
        args.context = args.context or ClientCallContext(timeout=PATIENCE)
        args.context.service_parameters = {'Authorization': f'Bearer {TOKEN}'}

    async def after(self, args):
        pass


def message(text, **fields):
    return pb.Message(message_id=str(uuid.uuid4()), role=pb.ROLE_USER, parts=[new_text_part(text)], **fields)


def text_of(artifacts):
    return ''.join(part.text for artifact in artifacts for part in artifact.parts)


class Binding:
    """The tests, for one binding each of the classes below."""

    binding: str

    async def asyncSetUp(self):
        http = httpx.AsyncClient(timeout=PATIENCE)
        self.card = await A2ACardResolver(http, AGENT).get_agent_card()
        self.http = http
        self.client = self.connect(streaming=False)
        self.streaming = self.connect(streaming=True)

    def connect(self, streaming):
        config = ClientConfig(
            streaming=streaming,
            httpx_client=self.http,
            grpc_channel_factory=grpc.aio.insecure_channel,
            supported_protocol_bindings=[self.binding],
        )
        return ClientFactory(config).create(self.card, [Keyed()])

    async def asyncTearDown(self):
        await self.client.close()
        await self.streaming.close()
        await self.http.aclose()

    async def send(self, said, **configuration):
        if isinstance(said, str):
            said = message(said)
        request = pb.SendMessageRequest(message=said, configuration=pb.SendMessageConfiguration(**configuration))
        replies = [reply async for reply in self.client.send_message(request)]
        self.assertEqual(1, len(replies))
        return replies[0].task

    async def follow(self, events):
        """Returns the states and the text that a stream went through."""
        states, text = [], ''
        async for event in events:
            match event.WhichOneof('payload'):
                case 'task':
                    states.append(event.task.status.state)
                case 'status_update':
                    states.append(event.status_update.status.state)
                case 'artifact_update':
                    text += text_of([event.artifact_update.artifact])
        return states, text

    async def test_card(self):
        self.assertEqual('Clients', self.card.name)
        self.assertEqual(['echo', 'command'], [skill.id for skill in self.card.skills])
        self.assertTrue(self.card.capabilities.streaming)
        self.assertTrue(self.card.capabilities.push_notifications)
        self.assertIn(self.binding, [i.protocol_binding for i in self.card.supported_interfaces])

    async def test_send(self):
        task = await self.send('hello')
        self.assertEqual(COMPLETED, task.status.state)
        self.assertEqual('hello', text_of(task.artifacts))

    async def test_parts_of_all_kinds_come_back(self):
        parts = [
            new_text_part('äöü'),
            new_raw_part(bytes(range(256)), media_type='application/octet-stream', filename='bytes'),
            new_url_part('https://example.com/a.png', media_type='image/png'),
            new_data_part({'list': [1, None, {'a': True}]}),
        ]
        said = message('')
        del said.parts[:]
        said.parts.extend(parts)
        task = await self.send(said)
        self.assertEqual(parts, list(task.artifacts[0].parts))

    async def test_stream(self):
        states, text = await self.follow(self.streaming.send_message(pb.SendMessageRequest(message=message('stream 20'))))
        self.assertEqual([SUBMITTED, WORKING, COMPLETED], states)
        self.assertEqual(''.join(f'{i} ' for i in range(20)), text)

    async def test_get(self):
        sent = await self.send('hello')
        task = await self.client.get_task(pb.GetTaskRequest(id=sent.id))
        self.assertEqual(COMPLETED, task.status.state)
        self.assertEqual('hello', text_of(task.artifacts))
        self.assertEqual('hello', task.history[0].parts[0].text)
        task = await self.client.get_task(pb.GetTaskRequest(id=sent.id, history_length=0))
        self.assertEqual(0, len(task.history))

    async def test_get_of_no_task(self):
        with self.assertRaises(TaskNotFoundError):
            await self.client.get_task(pb.GetTaskRequest(id=str(uuid.uuid4())))

    async def test_list_page_by_page(self):
        first = await self.send('hello')
        for _ in range(2):
            await self.send(message('hello', context_id=first.context_id))
        request = pb.ListTasksRequest(context_id=first.context_id, page_size=2, status=COMPLETED)
        page = await self.client.list_tasks(request)
        self.assertEqual((2, 3), (len(page.tasks), page.total_size))
        self.assertFalse(page.tasks[0].artifacts)
        request.page_token, request.include_artifacts = page.next_page_token, True
        page = await self.client.list_tasks(request)
        self.assertEqual((1, ''), (len(page.tasks), page.next_page_token))
        self.assertEqual((first.id, 'hello'), (page.tasks[0].id, text_of(page.tasks[0].artifacts)))
        request.status = pb.TASK_STATE_FAILED
        with self.assertRaises(InvalidParamsError):  # a page token goes with its query
            await self.client.list_tasks(request)

    async def test_cancel(self):
        task = await self.send('hold', return_immediately=True)
        canceled = await self.client.cancel_task(pb.CancelTaskRequest(id=task.id))
        self.assertEqual(pb.TASK_STATE_CANCELED, canceled.status.state)
        with self.assertRaises(TaskNotCancelableError):
            await self.client.cancel_task(pb.CancelTaskRequest(id=task.id))

    async def test_two_turns_in_a_context(self):
        first = await self.send('count')
        second = await self.send(message('count', context_id=first.context_id))
        self.assertNotEqual(first.id, second.id)
        self.assertEqual(first.context_id, second.context_id)
        self.assertEqual('Your context is 2 messages long.', text_of(first.artifacts))
        self.assertEqual('Your context is 4 messages long.', text_of(second.artifacts))

    async def test_input_required(self):
        waiting = await self.send('ask')
        self.assertEqual(pb.TASK_STATE_INPUT_REQUIRED, waiting.status.state)
        self.assertEqual('What is your name?', waiting.status.message.parts[0].text)
        done = await self.send(message('Ada', task_id=waiting.id))
        self.assertEqual((waiting.id, COMPLETED), (done.id, done.status.state))
        self.assertEqual('You said: Ada', text_of(done.artifacts))
        with self.assertRaises(UnsupportedOperationError):
            await self.send(message('Ada', task_id=waiting.id))

    async def test_rejected(self):
        task = await self.send('reject')
        self.assertEqual(pb.TASK_STATE_REJECTED, task.status.state)

    async def test_subscribe(self):
        waiting = await self.send('ask')
        events = self.streaming.subscribe(pb.SubscribeToTaskRequest(id=waiting.id))
        snapshot = await anext(events)
        self.assertEqual(pb.TASK_STATE_INPUT_REQUIRED, snapshot.task.status.state)
        await self.send(message('Ada', task_id=waiting.id))
        states, text = await self.follow(events)
        self.assertEqual([WORKING, COMPLETED], states)
        self.assertEqual('You said: Ada', text)
        with self.assertRaises(UnsupportedOperationError):
            await anext(self.streaming.subscribe(pb.SubscribeToTaskRequest(id=waiting.id)))

    async def test_subscribe_after_a_stream_was_left(self):
        stream = self.streaming.send_message(pb.SendMessageRequest(message=message('hold')))
        task = (await anext(stream)).task
        await stream.aclose()
        events = self.streaming.subscribe(pb.SubscribeToTaskRequest(id=task.id))
        self.assertEqual(task.id, (await anext(events)).task.id)
        await self.client.cancel_task(pb.CancelTaskRequest(id=task.id))
        states, _ = await self.follow(events)
        self.assertEqual(pb.TASK_STATE_CANCELED, states[-1])

    async def test_push_configs(self):
        task = await self.send('ask')
        config = pb.TaskPushNotificationConfig(task_id=task.id, url='https://hooks.example.com/a2a', token='t')
        stored = await self.client.create_task_push_notification_config(config)
        self.assertTrue(stored.id)
        self.assertEqual((task.id, config.url), (stored.task_id, stored.url))
        get = pb.GetTaskPushNotificationConfigRequest(task_id=task.id, id=stored.id)
        self.assertEqual(config.url, (await self.client.get_task_push_notification_config(get)).url)
        everything = pb.ListTaskPushNotificationConfigsRequest(task_id=task.id)
        listed = await self.client.list_task_push_notification_configs(everything)
        self.assertEqual([stored.id], [c.id for c in listed.configs])
        delete = pb.DeleteTaskPushNotificationConfigRequest(task_id=task.id, id=stored.id)
        for _ in range(2):  # the second time, too
            await self.client.delete_task_push_notification_config(delete)
        self.assertEqual(0, len((await self.client.list_task_push_notification_configs(everything)).configs))
        await self.client.cancel_task(pb.CancelTaskRequest(id=task.id))

    async def test_push(self):
        webhook = Webhook()
        self.addCleanup(webhook.close)
        config = pb.TaskPushNotificationConfig(
            url=webhook.url, token='secret', authentication=pb.AuthenticationInfo(scheme='Bearer', credentials='hook')
        )
        task = await self.send('hello', task_push_notification_config=config)
        events = [webhook.next()]
        while events[-1].body.get('statusUpdate', {}).get('status', {}).get('state') != 'TASK_STATE_COMPLETED':
            events.append(webhook.next())
        for event in events:
            self.assertEqual('Bearer hook', event.headers['Authorization'])
            self.assertEqual('secret', event.headers['X-A2A-Notification-Token'])
            self.assertEqual('application/a2a+json', event.headers['Content-Type'])
        self.assertEqual(task.id, events[0].body['task']['id'])


class JSONRPC(Binding, unittest.IsolatedAsyncioTestCase):
    binding = 'JSONRPC'


class REST(Binding, unittest.IsolatedAsyncioTestCase):
    binding = 'HTTP+JSON'


class GRPC(Binding, unittest.IsolatedAsyncioTestCase):
    binding = 'GRPC'


if __name__ == '__main__':
    unittest.main(verbosity=2)
