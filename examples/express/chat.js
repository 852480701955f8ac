// A chat in Express behind AllSpark, which it never sees a socket of. ../README.md says how it is
// started.
//
// AllSpark tells it by hooks who connects, what they say and who leaves, and carries out what it
// answers (docs/HOOKS.md). What it says by itself it publishes over the API (docs/API.md).
'use strict';

const crypto = require('node:crypto');
const path = require('node:path');
const express = require('express');

const ALLSPARK = process.env.CHAT_ALLSPARK ?? 'http://127.0.0.1:8080';
const KEY = process.env.CHAT_KEY;
const SECRET = process.env.CHAT_SECRET;
const PORT = Number(process.env.CHAT_PORT ?? 3000);

const names = new Map();
const latest = [];

// The command that says something to everybody in the chat.
function line(from, text) {
  latest.push({ from, text });
  latest.splice(0, latest.length - 20);
  return { to: { rooms: ['chat'] }, data: { from, text } };
}

// Who a spark is. After a restart AllSpark knows: it keeps what `connect` has answered.
async function nameOf(spark) {
  if (!names.has(spark)) {
    const path_ = `/sparks/${encodeURIComponent(spark)}`;
    const found = await ask('GET', path_).catch((error) => {
      if (error.status !== 404) throw error;
    });
    if (!found) return 'somebody who has left';
    names.set(spark, found.data.name);
  }
  return names.get(spark);
}

const tell = {
  connect({ spark, query }) {
    const name = (new URLSearchParams(query).get('name') ?? '').trim().slice(0, 30);
    if (!name) return { refuse: { status: 401, message: 'Say who you are: ?name=Ada' } };
    names.set(spark, name);
    return {
      data: { name },
      rooms: ['chat'],
      rate: { messages: 5 },
      write: [...latest],
      commands: [line('chat', `${name} is here`)],
    };
  },

  async message({ spark, data }) {
    const text = data?.text;
    if (typeof text !== 'string') {
      return { write: [{ from: 'chat', text: 'That was no message.' }] };
    }
    return { commands: [line(await nameOf(spark), text.slice(0, 500))] };
  },

  disconnect({ spark }) {
    const name = names.get(spark);
    names.delete(spark);
    return name ? { commands: [line('chat', `${name} has left`)] } : {};
  },
};

const app = express();

// Whether AllSpark has sent this, lately, is seen by its bytes: https://www.standardwebhooks.com
app.post('/hooks', express.raw({ type: '*/*', limit: '8mb' }), async (request, response) => {
  if (SECRET && !isSigned(request)) return response.status(401).end();
  const replies = [];
  for (const event of JSON.parse(request.body).events) {
    replies.push({ id: event.id, ...(await tell[event.event](event)) });
  }
  response.json({ replies });
});

function isSigned({ headers, body }) {
  const [id, at] = [headers['webhook-id'], headers['webhook-timestamp']];
  const key = Buffer.from(SECRET.replace(/^whsec_/, ''), 'base64');
  const hmac = crypto.createHmac('sha256', key).update(`${id}.${at}.`).update(body);
  const right = Buffer.from(`v1,${hmac.digest('base64')}`);
  const isRight = (headers['webhook-signature'] ?? '').split(' ').some((given) => (
    given.length === right.length && crypto.timingSafeEqual(Buffer.from(given), right)
  ));
  return isRight && Math.abs(Date.now() / 1000 - at) < 300;
}

// Asks AllSpark.
async function ask(method, path_, body) {
  const headers = { Authorization: `Bearer ${KEY}`, 'Content-Type': 'application/json' };
  const answer = await fetch(`${ALLSPARK}/api/v1${path_}`, {
    method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(5000),
  });
  if (answer.ok) return answer.json();
  const error = new Error(`AllSpark answers ${answer.status}: ${await answer.text()}`);
  throw Object.assign(error, { status: answer.status });
}

// What the application says by itself: curl -d text=.. http://127.0.0.1:3000/announce
app.post('/announce', express.urlencoded(), async (request, response) => {
  response.json(await ask('POST', '/publish', line('news', request.body.text)));
});

app.get('/who', async (request, response) => {
  response.json({ here: (await ask('GET', '/rooms/chat?limit=0')).sparks });
});

app.get('/', (request, response) => response.sendFile(path.join(__dirname, '../chat.html')));

app.listen(PORT, '127.0.0.1');
