// A webhook on this machine that keeps what it gets.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';

export class Webhook {
  #got = [];
  #wake = () => {};

  static async start() {
    const webhook = new Webhook();
    webhook.server = createServer(async (request, response) => {
      webhook.#got.push({ headers: request.headers, body: await json(request) });
      response.writeHead(204).end();
      webhook.#wake();
    });
    webhook.server.listen(0, '127.0.0.1');
    await once(webhook.server, 'listening');
    webhook.url = `http://127.0.0.1:${webhook.server.address().port}/hook`;
    return webhook;
  }

  // next waits for the next notification; the test's own timeout ends it.
  async next() {
    while (this.#got.length === 0) {
      await new Promise((resolve) => (this.#wake = resolve));
    }
    return this.#got.shift();
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
