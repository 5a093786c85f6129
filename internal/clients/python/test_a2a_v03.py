"""Drives a server with the official Python client as it speaks A2A 0.3, over JSON-RPC and REST.

It speaks so with agents whose cards have no newer interfaces: the tests take these
out of the card. What 0.3 does not have, or this client not in 0.3, is left out.
"""

import unittest

from a2a.types import a2a_pb2 as pb
from a2a.utils.errors import TaskNotFoundError

import test_a2a
from test_a2a import COMPLETED, message, text_of
from webhook import Webhook


class Old(test_a2a.Binding):
    test_list_page_by_page = None

    async def asyncSetUp(self):
        await super().asyncSetUp()
        old = [i for i in self.card.supported_interfaces if i.protocol_version == '0.3']
        del self.card.supported_interfaces[:]
        self.card.supported_interfaces.extend(old)
        self.client, self.streaming = self.connect(streaming=False), self.connect(streaming=True)

    async def test_get(self):
        sent = await self.send('hello')
        task = await self.client.get_task(pb.GetTaskRequest(id=sent.id))
        self.assertEqual((COMPLETED, 'hello'), (task.status.state, text_of(task.artifacts)))

    async def test_subscribe(self):
        """A stream of 0.3 ends where the client is asked; a subscription has the snapshot only, then."""
        waiting = await self.send('ask')
        events = self.streaming.subscribe(pb.SubscribeToTaskRequest(id=waiting.id))
        self.assertEqual(([pb.TASK_STATE_INPUT_REQUIRED], ''), await self.follow(events))
        done = await self.send(message('Ada', task_id=waiting.id))
        self.assertEqual('You said: Ada', text_of(done.artifacts))

    async def test_push_configs(self):
        task = await self.send('ask')
        config = pb.TaskPushNotificationConfig(task_id=task.id, id='hook', url='https://hooks.example.com/a2a', token='t')
        stored = await self.client.create_task_push_notification_config(config)
        self.assertEqual((task.id, 'hook', config.url), (stored.task_id, stored.id, stored.url))
        get = pb.GetTaskPushNotificationConfigRequest(task_id=task.id, id='hook')
        self.assertEqual(config.url, (await self.client.get_task_push_notification_config(get)).url)
        if self.binding == 'JSONRPC':  # this client lists and deletes them over JSON-RPC only
            everything = pb.ListTaskPushNotificationConfigsRequest(task_id=task.id)
            listed = await self.client.list_task_push_notification_configs(everything)
            self.assertEqual(['hook'], [c.id for c in listed.configs])
            delete = pb.DeleteTaskPushNotificationConfigRequest(task_id=task.id, id='hook')
            await self.client.delete_task_push_notification_config(delete)
            with self.assertRaises(TaskNotFoundError):
                await self.client.get_task_push_notification_config(get)
        await self.client.cancel_task(pb.CancelTaskRequest(id=task.id))

    async def test_push(self):
        """The webhook gets the task as 0.3 has it."""
        webhook = Webhook()
        self.addCleanup(webhook.close)
        config = pb.TaskPushNotificationConfig(url=webhook.url, token='secret')
        task = await self.send('hello', task_push_notification_config=config)
        while (event := webhook.next()).body['status']['state'] != 'completed':
            self.assertEqual((task.id, 'task'), (event.body['id'], event.body['kind']))
        self.assertEqual('secret', event.headers['X-A2A-Notification-Token'])


class JSONRPC(Old, unittest.IsolatedAsyncioTestCase):
    binding = 'JSONRPC'


class REST(Old, unittest.IsolatedAsyncioTestCase):
    binding = 'HTTP+JSON'


if __name__ == '__main__':
    unittest.main(verbosity=2)
