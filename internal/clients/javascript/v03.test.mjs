// Drives a server with the last release of the official JavaScript client that
// speaks A2A 0.3 only, over JSON-RPC and REST. That has no list of tasks.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, describe, test } from 'node:test';

import {
  ClientFactory, ClientFactoryOptions, JsonRpcTransportFactory, RestTransportFactory, TaskNotCancelableError, TaskNotFoundError,
} from 'a2a-js-sdk-0.3/client';

import { agent, base, keyed } from './server.mjs';
import { Webhook } from './webhook.mjs';

const factory = (binding) =>
  new ClientFactory(
    ClientFactoryOptions.createFrom(ClientFactoryOptions.default, {
      transports: [new JsonRpcTransportFactory(), new RestTransportFactory()],
      preferredTransports: [binding],
      clientConfig: { interceptors: [keyed] },
    }),
  );

const textOf = (artifacts) => artifacts.flatMap((a) => a.parts).map((p) => p.text).join('');

// request is a request to send a message, of a text or of parts.
function request(content, message = {}, configuration = {}) {
  const parts = typeof content === 'string' ? [{ kind: 'text', text: content }] : content;
  return { message: { kind: 'message', messageId: randomUUID(), role: 'user', parts, ...message }, configuration };
}

// follow returns the states and the text that a stream went through, and which update was the final one.
async function follow(events) {
  const states = [];
  let text = '';
  let final;
  for await (const event of events) {
    if (event.kind === 'artifact-update') {
      text += textOf([event.artifact]);
    } else {
      states.push(event.status.state);
      final = event.final;
    }
  }
  return { states, text, final };
}

for (const binding of ['JSONRPC', 'HTTP+JSON']) {
  describe(`@a2a-js/sdk of 0.3 over ${binding}`, { timeout: 60_000 }, () => {
    let client;
    const send = (...args) => client.sendMessage(request(...args));

    before(async () => {
      client = await factory(binding).createFromUrl(base);
    });

    test('card', async () => {
      const card = await client.getAgentCard();
      assert.equal(card.name, 'Clients');
      assert.deepEqual(card.skills.map((s) => s.id), ['echo', 'command']);
      assert.ok(card.capabilities.streaming && card.capabilities.pushNotifications);
      assert.equal(card.url, agent);
      assert.ok(card.additionalInterfaces.some((i) => i.transport === binding));
    });

    test('send', async () => {
      const task = await send('hello');
      assert.equal(task.status.state, 'completed');
      assert.equal(textOf(task.artifacts), 'hello');
    });

    test('parts of all kinds come back', async () => {
      const parts = [
        { kind: 'text', text: 'äöü' },
        { kind: 'file', file: { bytes: 'AP8=', mimeType: 'application/octet-stream', name: 'bytes' } },
        { kind: 'file', file: { uri: 'https://example.com/a.png', mimeType: 'image/png' } },
        { kind: 'data', data: { list: [1, null, { a: true }] } },
      ];
      const want = structuredClone(parts);
      if (binding === 'HTTP+JSON') {
        delete want[1].file.name; // 0.3.14 does not send it
      }
      const task = await send(parts);
      assert.deepEqual(JSON.parse(JSON.stringify(task.artifacts[0].parts)), want);
    });

    test('stream', async () => {
      const { states, text, final } = await follow(client.sendMessageStream(request('stream 20')));
      assert.deepEqual(states, ['submitted', 'working', 'completed']);
      assert.equal(text, Array.from({ length: 20 }, (_, i) => `${i} `).join(''));
      assert.equal(final, true);
    });

    test('get', async () => {
      const { id } = await send('hello');
      const task = await client.getTask({ id });
      assert.equal(task.status.state, 'completed');
      assert.equal(textOf(task.artifacts), 'hello');
      assert.equal(textOf(task.history), 'hello');
    });

    test('get of no task', () => assert.rejects(client.getTask({ id: randomUUID() }), TaskNotFoundError));

    test('cancel', async () => {
      const { id } = await send('hold', {}, { blocking: false });
      assert.equal((await client.cancelTask({ id })).status.state, 'canceled');
      await assert.rejects(client.cancelTask({ id }), TaskNotCancelableError);
    });

    test('two turns in a context', async () => {
      const first = await send('count');
      const second = await send('count', { contextId: first.contextId });
      assert.equal(textOf(first.artifacts), 'Your context is 2 messages long.');
      assert.equal(textOf(second.artifacts), 'Your context is 4 messages long.');
    });

    test('input required', async () => {
      const waiting = await send('ask');
      assert.equal(waiting.status.state, 'input-required');
      assert.equal(textOf([waiting.status.message]), 'What is your name?');
      const done = await send('Ada', { taskId: waiting.id });
      assert.equal(done.id, waiting.id);
      assert.equal(textOf(done.artifacts), 'You said: Ada');
    });

    test('resubscribe', async () => {
      const stream = client.sendMessageStream(request('hold'));
      const { id } = (await stream.next()).value;
      await stream.return();
      const events = client.resubscribeTask({ id });
      assert.equal((await events.next()).value.id, id);
      await client.cancelTask({ id });
      const { states, final } = await follow(events);
      assert.equal(states.at(-1), 'canceled');
      assert.equal(final, true);
    });

    test('push configs', async () => {
      const { id } = await send('ask');
      const config = { taskId: id, pushNotificationConfig: { url: 'https://hooks.example.com/a2a', token: 't' } };
      const stored = await client.setTaskPushNotificationConfig(config);
      const pushNotificationConfigId = stored.pushNotificationConfig.id;
      assert.ok(pushNotificationConfigId);
      assert.equal(stored.taskId, id);
      const got = await client.getTaskPushNotificationConfig({ id, pushNotificationConfigId });
      assert.equal(got.pushNotificationConfig.url, config.pushNotificationConfig.url);
      const list = await client.listTaskPushNotificationConfig({ id });
      assert.deepEqual(list.map((c) => c.pushNotificationConfig.id), [pushNotificationConfigId]);
      await client.deleteTaskPushNotificationConfig({ id, pushNotificationConfigId });
      assert.deepEqual(await client.listTaskPushNotificationConfig({ id }), []);
      await client.cancelTask({ id });
    });

    test('push', async (t) => {
      const webhook = await Webhook.start();
      t.after(() => webhook.close());
      const pushNotificationConfig = { url: webhook.url, token: 'secret', authentication: { schemes: ['Bearer'], credentials: 'hook' } };
      const task = await send('hello', {}, { pushNotificationConfig });
      let event;
      do {
        event = await webhook.next();
        assert.equal(event.headers.authorization, 'Bearer hook');
        assert.equal(event.headers['x-a2a-notification-token'], 'secret');
        assert.equal(event.body.kind, 'task');
        assert.equal(event.body.id, task.id);
      } while (event.body.status.state !== 'completed');
    });
  });
}
