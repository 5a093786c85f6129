"""Drives a server with the client of fasta2a, which has a dialect of A2A 0.3.

It can fetch a card, send, stream and get; other operations it does not have.
CARREL_AGENT is the base of the agent of ../agent, CARREL_TOKEN a key of its tenant.
"""

import os
import unittest
import uuid

import httpx
from fasta2a.client import A2AClient

from webhook import PATIENCE, Webhook

AGENT, TOKEN = os.environ['CARREL_AGENT'], os.environ['CARREL_TOKEN']


def message(text, **fields):
    return {'role': 'user', 'message_id': str(uuid.uuid4()), 'parts': [{'text': text}], **fields}


def text_of(artifacts):
    return ''.join(part['text'] for artifact in artifacts for part in artifact['parts'])


class FastA2A(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.http = httpx.AsyncClient(timeout=PATIENCE, headers={'Authorization': f'Bearer {TOKEN}'})
        self.client = A2AClient(AGENT, http_client=self.http, fetch_card=True)

    async def asyncTearDown(self):
        await self.http.aclose()

    async def send(self, said, **configuration):
        if isinstance(said, str):
            said = message(said)
        reply = await self.client.send_message(said, configuration={'accepted_output_modes': [], **configuration})
        self.assertNotIn('error', reply)
        return reply['result']['task']

    async def test_card(self):
        card = self.client.agent_card
        self.assertEqual('Clients', card['name'])
        self.assertEqual(['echo', 'command'], [skill['id'] for skill in card['skills']])
        self.assertEqual(AGENT, str(self.client.http_client.base_url).rstrip('/'))

    async def test_send(self):
        task = await self.send('hello')
        self.assertEqual('completed', task['status']['state'])
        self.assertEqual('hello', text_of(task['artifacts']))

    async def test_parts_of_all_kinds_come_back(self):
        parts = [
            {'text': 'äöü'},
            {'raw': 'AP8=', 'media_type': 'application/octet-stream', 'filename': 'bytes'},
            {'url': 'https://example.com/a.png', 'media_type': 'image/png'},
            {'data': {'list': [1, None, {'a': True}]}},
        ]
        task = await self.send(message('', parts=parts))
        self.assertEqual(parts, task['artifacts'][0]['parts'])

    async def test_stream(self):
        states, text = [], ''
        async for event in self.client.stream_message(message('stream 20')):
            result = event['result']
            if update := result.get('artifact_update'):
                text += text_of([update['artifact']])
            else:
                states.append((result.get('task') or result['status_update'])['status']['state'])
        self.assertEqual(['submitted', 'working', 'completed'], states)
        self.assertEqual(''.join(f'{i} ' for i in range(20)), text)

    async def test_get(self):
        sent = await self.send('hello')
        task = (await self.client.get_task(sent['id']))['result']
        self.assertEqual('completed', task['status']['state'])
        self.assertEqual('hello', text_of(task['artifacts']))
        self.assertEqual('hello', task['history'][0]['parts'][0]['text'])

    async def test_get_of_no_task(self):
        reply = await self.client.get_task(str(uuid.uuid4()))
        self.assertEqual((-32001, 'Task not found'), (reply['error']['code'], reply['error']['message']))

    async def test_send_without_waiting(self):
        task = await self.send('stream 3', blocking=False)
        while task['status']['state'] in ('submitted', 'working'):
            task = (await self.client.get_task(task['id']))['result']
        self.assertEqual('0 1 2 ', text_of(task['artifacts']))

    async def test_two_turns_in_a_context(self):
        first = await self.send('count')
        second = await self.send(message('count', context_id=first['context_id']))
        self.assertEqual('Your context is 2 messages long.', text_of(first['artifacts']))
        self.assertEqual('Your context is 4 messages long.', text_of(second['artifacts']))

    async def test_input_required(self):
        waiting = await self.send('ask')
        self.assertEqual('input-required', waiting['status']['state'])
        self.assertEqual('What is your name?', waiting['status']['message']['parts'][0]['text'])
        done = await self.send(message('Ada', task_id=waiting['id']))
        self.assertEqual((waiting['id'], 'completed'), (done['id'], done['status']['state']))
        self.assertEqual('You said: Ada', text_of(done['artifacts']))

    async def test_push(self):
        webhook = Webhook()
        self.addCleanup(webhook.close)
        config = {'url': webhook.url, 'token': 'secret', 'authentication': {'scheme': 'Bearer', 'credentials': 'hook'}}
        task = await self.send('hello', task_push_notification_config=config)
        while True:
            event = webhook.next()
            self.assertEqual('Bearer hook', event.headers['Authorization'])
            self.assertEqual('secret', event.headers['X-A2A-Notification-Token'])
            self.assertEqual(task['id'], event.body['id'])
            if event.body['status']['state'] == 'completed':
                break


if __name__ == '__main__':
    unittest.main(verbosity=2)
