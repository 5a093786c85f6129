// Drives carrel with the official JavaScript client, over one binding.
// Usage: node drive.mjs BINDING BASE KEY WEBHOOK
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Role, TaskState } from '@a2a-js/sdk';
import { ClientFactory, ClientFactoryOptions, JsonRpcTransportFactory, RestTransportFactory } from '@a2a-js/sdk/client';
import { GrpcTransportFactory } from '@a2a-js/sdk/client/grpc';

const [binding, base, key, webhook] = process.argv.slice(2);
const options = { serviceParameters: { Authorization: `Bearer ${key}` } };
const transports = {
  JSONRPC: new JsonRpcTransportFactory(),
  'HTTP+JSON': new RestTransportFactory(),
  GRPC: new GrpcTransportFactory(),
};

function check(what, ok, got) {
  assert.ok(ok, `${what}: got ${JSON.stringify(got)}`);
  console.log('ok', what);
}

function message(text, { contextId = '', taskId = '', immediately = false } = {}) {
  return {
    tenant: '',
    message: {
      messageId: randomUUID(), contextId, taskId, role: Role.ROLE_USER, metadata: undefined, extensions: [], referenceTaskIds: [],
      parts: [{ content: { $case: 'text', value: text }, metadata: undefined, filename: '', mediaType: '' }],
    },
    configuration: { acceptedOutputModes: [], taskPushNotificationConfig: undefined, returnImmediately: immediately },
    metadata: undefined,
  };
}

const textOf = (artifact) => artifact.parts.map((p) => p.content.value).join('');

// states are what a stream says of its task, one after another.
async function* states(events) {
  for await (const { payload } of events) {
    if (payload.$case === 'task' || payload.$case === 'statusUpdate') yield payload.value.status.state;
  }
}

const factory = new ClientFactory(ClientFactoryOptions.createFrom(ClientFactoryOptions.default, {
  transports: [transports[binding]], preferredTransports: [binding],
}));
const client = await factory.createFromUrl(base + '/');
const card = await client.getAgentCard(options);
check('card', card.name === 'Conformance' && card.skills.length === 1, card);

const task = await client.sendMessage(message('hello'), options);
check('send', task.status.state === TaskState.TASK_STATE_COMPLETED && textOf(task.artifacts[0]) === 'hello', task);

let text = '';
let last;
for await (const { payload } of client.sendMessageStream(message('stream 50'), options)) {
  if (payload.$case === 'artifactUpdate') text += textOf(payload.value.artifact);
  if (payload.$case === 'statusUpdate') last = payload.value.status.state;
}
check('stream', text.trim() === [...Array(50).keys()].join(' '), text);
check('stream ends', last === TaskState.TASK_STATE_COMPLETED, last);

const got = await client.getTask({ tenant: '', id: task.id }, options);
check('get', got.id === task.id && got.status.state === TaskState.TASK_STATE_COMPLETED, got);

const { contextId } = task;
await client.sendMessage(message('context first', { contextId }), options);
const second = await client.sendMessage(message('history', { contextId }), options);
check('two turns in a context', JSON.stringify(second).includes('hello') && second.contextId === contextId, second);

const query = { tenant: '', contextId, status: TaskState.TASK_STATE_UNSPECIFIED, pageSize: 2, pageToken: '', statusTimestampAfter: undefined };
let page = await client.listTasks(query, options);
check('list', page.totalSize === 3 && page.tasks.length === 2 && page.nextPageToken !== '', page);
page = await client.listTasks({ ...query, pageToken: page.nextPageToken }, options);
check('list, second page', page.tasks.length === 1 && page.nextPageToken === '', page);

const asked = await client.sendMessage(message('input'), options);
check('input required', asked.status.state === TaskState.TASK_STATE_INPUT_REQUIRED, asked);
const answered = await client.sendMessage(message('blue', { taskId: asked.id, contextId: asked.contextId }), options);
check('input given', answered.id === asked.id && answered.status.state === TaskState.TASK_STATE_COMPLETED, answered);

const running = await client.sendMessage(message('spin', { immediately: true }), options);
const config = (id) => ({ tenant: '', id, taskId: running.id, url: webhook, token: 't', authentication: undefined });
const made = await client.createTaskPushNotificationConfig(config('hook'), options);
check('push config, create', made.id === 'hook' && made.url === webhook, made);
await client.createTaskPushNotificationConfig(config('other'), options);
const config1 = await client.getTaskPushNotificationConfig({ tenant: '', taskId: running.id, id: 'hook' }, options);
check('push config, get', config1.url === webhook, config1);
await client.deleteTaskPushNotificationConfig({ tenant: '', taskId: running.id, id: 'other' }, options);
const listed = await client.listTaskPushNotificationConfig({ tenant: '', taskId: running.id, pageSize: 0, pageToken: '' }, options);
check('push config, list and delete', listed.configs.length === 1 && listed.configs[0].id === 'hook', listed);

const follower = states(client.resubscribeTask({ tenant: '', id: running.id }, options));
await follower.next(); // the snapshot
const canceled = await client.cancelTask({ tenant: '', id: running.id, metadata: undefined }, options);
check('cancel', canceled.status.state === TaskState.TASK_STATE_CANCELED, canceled);
for await (const state of follower) last = state;
check('resubscribe', last === TaskState.TASK_STATE_CANCELED, last);
process.exit(0); // the gRPC client keeps its connection
