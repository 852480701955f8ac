// Requests, as the transports make them that can do without a WebSocket.

// Makes a request and hands each piece of the answer's text to `hear` as soon as it is here.
// `init` is that of fetch, and:
// - `silence`: milliseconds after which a request is given up that brings nothing. Default: never.
//
// Returns `{ done, abort }`: the promise `done` is fulfilled when the answer is complete, and
// rejected when there is none, or none of success; an error of the server has its `status` and the
// `answer` that explains it.
export const request = (uri, init, hear) => {
  const aborter = new AbortController();
  const abort = () => aborter.abort();
  let timer;
  const listen = () => {
    clearTimeout(timer);
    if (init.silence && !aborter.signal.aborted) timer = setTimeout(abort, init.silence);
  };
  const talk = async () => {
    listen();
    const call = withoutUserinfo(uri, { ...init, signal: aborter.signal });
    const response = await fetch(...call).catch(unreachable);
    if (!response.ok) throw await refusal(response);
    const reader = response.body?.getReader();
    const decoder = new TextDecoder();
    for (let part; reader && !part?.done; ) {
      part = await reader.read().catch(unreachable);
      listen();
      const text = decoder.decode(part.value, { stream: !part.done });
      if (text && !aborter.signal.aborted) hear?.(text);
    }
  };
  // A stream that is aborted between two pieces may never say so: in Node.js it does not.
  const stopped = new Promise((_, reject) => {
    aborter.signal.onabort = () => reject(new Error('The request was given up'));
  });
  return { done: Promise.race([talk(), stopped]).finally(() => clearTimeout(timer)), abort };
};

// A text that makes a URL one that no cache knows.
export const unique = () => Math.random().toString(36).slice(2);

// Appends to the path of a URL, and to its query.
export const extend = (uri, end, query = '') => {
  const [path, search = ''] = uri.split(/\?(.*)/s);
  return `${path.replace(/\/*$/, end)}?${search}${query}`;
};

// Tells a link something. The platform reports what a listener throws, as it does with a WebSocket:
// it must not stop what brings the next message.
export const tell = (link, event, value) => {
  try {
    link[event](value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
};

// Platforms say so in words of their own.
const unreachable = (cause) => {
  throw new Error('The server cannot be reached', { cause });
};

const refusal = async (response) => {
  const error = new Error(`The server refused a request with status ${response.status}`);
  return Object.assign(error, { status: response.status, answer: await response.text() });
};

// fetch refuses a URL that contains a user's name and password. They go into a header instead.
const withoutUserinfo = (uri, init) => {
  const [found, userinfo] = /\/\/([^/@]*)@/.exec(uri) ?? [];
  if (!found) return [uri, init];
  const authorization = `Basic ${btoa(decodeURIComponent(userinfo))}`;
  return [uri.replace(found, '//'), { ...init, headers: { ...init.headers, authorization } }];
};
