// Drives a server with the official JavaScript client, over its three bindings.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { Message, SendMessageRequest, Task, TaskPushNotificationConfig, TaskState } from '@a2a-js/sdk';
import { ClientFactory, ClientFactoryOptions } from '@a2a-js/sdk/client';
import { GrpcTransportFactory } from '@a2a-js/sdk/client/grpc';
import { RequestMalformedError, TaskNotCancelableError, TaskNotFoundError, UnsupportedOperationError } from '@a2a-js/sdk/errors';

import { base, keyed } from './server.mjs';
import { Webhook } from './webhook.mjs';

const { TASK_STATE_SUBMITTED: submitted, TASK_STATE_WORKING: working, TASK_STATE_COMPLETED: completed } = TaskState;
const { TASK_STATE_CANCELED: canceled, TASK_STATE_INPUT_REQUIRED: inputRequired, TASK_STATE_REJECTED: rejected } = TaskState;

const factory = (binding) =>
  new ClientFactory(
    ClientFactoryOptions.createFrom(ClientFactoryOptions.default, {
      transports: [new GrpcTransportFactory()],
      preferredTransports: [binding],
      clientConfig: { interceptors: [keyed] },
    }),
  );

const textOf = (artifacts) => artifacts.flatMap((a) => a.parts).map((p) => p.content.value).join('');

// request is a request to send a message: text, or parts in the specification's JSON.
function request(content, message = {}, configuration = {}) {
  const parts = typeof content === 'string' ? [{ text: content }] : content;
  return SendMessageRequest.fromJSON({ message: { messageId: randomUUID(), role: 'ROLE_USER', parts, ...message }, configuration });
}

// follow returns the states and the text that a stream went through.
async function follow(events) {
  const states = [];
  let text = '';
  for await (const { payload } of events) {
    if (payload.$case === 'artifactUpdate') {
      text += textOf([payload.value.artifact]);
    } else {
      states.push(payload.value.status.state);
    }
  }
  return { states, text };
}

for (const binding of ['JSONRPC', 'HTTP+JSON', 'GRPC']) {
  describe(`@a2a-js/sdk over ${binding}`, { timeout: 60_000 }, () => {
    let client;
    const send = (...args) => client.sendMessage(request(...args));

    before(async () => {
      client = await factory(binding).createFromUrl(base);
    });
    after(() => client.transport.close?.());

    test('card', async () => {
      const card = await client.getAgentCard();
      assert.equal(card.name, 'Clients');
      assert.deepEqual(card.skills.map((s) => s.id), ['echo', 'command']);
      assert.ok(card.capabilities.streaming && card.capabilities.pushNotifications);
      assert.equal(client.transport.protocolName, binding);
    });

    test('send', async () => {
      const task = await send('hello');
      assert.equal(task.status.state, completed);
      assert.equal(textOf(task.artifacts), 'hello');
    });

    test('parts of all kinds come back', async () => {
      const parts = [
        { text: 'äöü' },
        { raw: Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('base64'), mediaType: 'application/octet-stream', filename: 'bytes' },
        { url: 'https://example.com/a.png', mediaType: 'image/png' },
        { data: { list: [1, null, { a: true }] }, metadata: { k: 'v' } },
      ];
      const task = await send(parts);
      assert.deepEqual(Task.toJSON(task).artifacts[0].parts, parts);
    });

    test('stream', async () => {
      const { states, text } = await follow(client.sendMessageStream(request('stream 20')));
      assert.deepEqual(states, [submitted, working, completed]);
      assert.equal(text, Array.from({ length: 20 }, (_, i) => `${i} `).join(''));
    });

    test('get', async () => {
      const { id } = await send('hello');
      const task = await client.getTask({ id, tenant: '' });
      assert.equal(task.status.state, completed);
      assert.equal(textOf(task.artifacts), 'hello');
      assert.equal(Message.toJSON(task.history[0]).parts[0].text, 'hello');
      const short = await client.getTask({ id, tenant: '', historyLength: 0 });
      assert.equal(short.history.length, 0);
    });

    test('get of no task', () => assert.rejects(client.getTask({ id: randomUUID(), tenant: '' }), TaskNotFoundError));

    test('list, page by page', async () => {
      const { id, contextId } = await send('hello');
      await send('hello', { contextId });
      await send('hello', { contextId });
      const query = { tenant: '', contextId, status: completed, pageSize: 2, pageToken: '', statusTimestampAfter: undefined };
      const first = await client.listTasks(query);
      assert.equal(first.tasks.length, 2);
      assert.equal(first.totalSize, 3);
      const pageToken = first.nextPageToken;
      const second = await client.listTasks({ ...query, pageToken, includeArtifacts: true });
      assert.deepEqual(second.tasks.map((t) => [t.id, textOf(t.artifacts)]), [[id, 'hello']]);
      assert.equal(second.nextPageToken, '');
      await assert.rejects(client.listTasks({ ...query, pageToken, status: canceled }), RequestMalformedError);
    });

    test('cancel', async () => {
      const { id } = await send('hold', {}, { returnImmediately: true });
      const task = await client.cancelTask({ id, tenant: '', metadata: undefined });
      assert.equal(task.status.state, canceled);
      await assert.rejects(client.cancelTask({ id, tenant: '', metadata: undefined }), TaskNotCancelableError);
    });

    test('two turns in a context', async () => {
      const first = await send('count');
      const second = await send('count', { contextId: first.contextId });
      assert.notEqual(first.id, second.id);
      assert.equal(textOf(first.artifacts), 'Your context is 2 messages long.');
      assert.equal(textOf(second.artifacts), 'Your context is 4 messages long.');
    });

    test('input required', async () => {
      const waiting = await send('ask');
      assert.equal(waiting.status.state, inputRequired);
      assert.equal(textOf([waiting.status.message]), 'What is your name?');
      const done = await send('Ada', { taskId: waiting.id });
      assert.equal(done.id, waiting.id);
      assert.equal(textOf(done.artifacts), 'You said: Ada');
      await assert.rejects(send('Ada', { taskId: waiting.id }), UnsupportedOperationError);
    });

    test('rejected', async () => assert.equal((await send('reject')).status.state, rejected));

    test('subscribe', async () => {
      const { id } = await send('ask');
      const events = client.resubscribeTask({ id, tenant: '' });
      const snapshot = (await events.next()).value.payload;
      assert.equal(snapshot.$case, 'task');
      assert.equal(snapshot.value.status.state, inputRequired);
      await send('Ada', { taskId: id });
      assert.deepEqual(await follow(events), { states: [working, completed], text: 'You said: Ada' });
      await assert.rejects(client.resubscribeTask({ id, tenant: '' }).next(), UnsupportedOperationError);
    });

    test('subscribe after a stream was left', async () => {
      const stream = client.sendMessageStream(request('hold'));
      const { id } = (await stream.next()).value.payload.value;
      await stream.return();
      const events = client.resubscribeTask({ id, tenant: '' });
      assert.equal((await events.next()).value.payload.value.id, id);
      await client.cancelTask({ id, tenant: '', metadata: undefined });
      assert.equal((await follow(events)).states.at(-1), canceled);
    });

    test('push configs', async () => {
      const { id: taskId } = await send('ask');
      const config = TaskPushNotificationConfig.fromJSON({ taskId, url: 'https://hooks.example.com/a2a', token: 't' });
      const stored = await client.createTaskPushNotificationConfig(config);
      assert.ok(stored.id);
      assert.equal(stored.taskId, taskId);
      const named = { tenant: '', taskId, id: stored.id };
      assert.equal((await client.getTaskPushNotificationConfig(named)).url, config.url);
      const list = () => client.listTaskPushNotificationConfig({ tenant: '', taskId, pageSize: 0, pageToken: '' });
      assert.deepEqual((await list()).configs.map((c) => c.id), [stored.id]);
      await client.deleteTaskPushNotificationConfig(named);
      await client.deleteTaskPushNotificationConfig(named); // again, which changes nothing
      assert.deepEqual((await list()).configs, []);
      await client.cancelTask({ id: taskId, tenant: '', metadata: undefined });
    });

    test('push', async (t) => {
      const webhook = await Webhook.start();
      t.after(() => webhook.close());
      const config = { url: webhook.url, token: 'secret', authentication: { scheme: 'Bearer', credentials: 'hook' } };
      const task = await send('hello', {}, { taskPushNotificationConfig: config });
      const events = [await webhook.next()];
      while (events.at(-1).body.statusUpdate?.status.state !== 'TASK_STATE_COMPLETED') {
        events.push(await webhook.next());
      }
      for (const { headers } of events) {
        assert.equal(headers.authorization, 'Bearer hook');
        assert.equal(headers['x-a2a-notification-token'], 'secret');
      }
      assert.equal(events[0].body.task.id, task.id);
    });
  });
}
