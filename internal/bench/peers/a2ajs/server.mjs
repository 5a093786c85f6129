// The official JavaScript server with an echo agent, in memory: a reference for
// carrel's benchmark. Usage: node server.mjs PORT
import { randomUUID } from "node:crypto";
import express from "express";
import { TaskState } from "@a2a-js/sdk";
import { AgentEvent, DefaultRequestHandler, InMemoryTaskStore } from "@a2a-js/sdk/server";
import { UserBuilder, jsonRpcHandler } from "@a2a-js/sdk/server/express";

const port = Number(process.argv[2]);

const echo = {
  async execute(context, bus) {
    const { taskId, contextId, userMessage } = context;
    const status = (state) => ({ state, timestamp: new Date().toISOString(), message: undefined });
    bus.publish(AgentEvent.task({
      id: taskId, contextId, status: status(TaskState.TASK_STATE_SUBMITTED),
      history: [userMessage], artifacts: [], metadata: undefined,
    }));
    bus.publish(AgentEvent.statusUpdate({
      taskId, contextId, status: status(TaskState.TASK_STATE_WORKING), metadata: undefined,
    }));
    bus.publish(AgentEvent.artifactUpdate({
      taskId, contextId, append: false, lastChunk: true, metadata: undefined,
      artifact: {
        artifactId: randomUUID(), name: "", description: "", parts: userMessage.parts, metadata: undefined, extensions: [],
      },
    }));
    bus.publish(AgentEvent.statusUpdate({
      taskId, contextId, status: status(TaskState.TASK_STATE_COMPLETED), metadata: undefined,
    }));
    bus.finished();
  },
  async cancelTask() {},
};

const card = {
  name: "echo", description: "Echoes its input.", version: "1", provider: undefined, documentationUrl: "",
  supportedInterfaces: [{ url: `http://127.0.0.1:${port}/`, protocolBinding: "JSONRPC", tenant: "", protocolVersion: "1.0" }],
  capabilities: { streaming: true, pushNotifications: false, extensions: [] },
  securitySchemes: {}, securityRequirements: [], signatures: [],
  defaultInputModes: ["text/plain"], defaultOutputModes: ["text/plain"],
  skills: [{ id: "echo", name: "echo", description: "Echoes", tags: ["echo"], examples: [], inputModes: [], outputModes: [], securityRequirements: [] }],
};

const handler = new DefaultRequestHandler(card, new InMemoryTaskStore(), echo);
const app = express();
app.use("/", jsonRpcHandler({ requestHandler: handler, userBuilder: UserBuilder.noAuthentication }));
app.listen(port, "127.0.0.1", () => console.log("ready"));
