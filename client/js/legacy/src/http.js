// Requests for browsers without `fetch`: the same interface as `src/transports/http.js`, which it
// stands in for, made with XMLHttpRequest.

// Makes a request and hands each piece of the answer's text to `hear` as soon as the browser shows
// it. `done` has what is used of a promise: `then` with both functions, and `catch`.
export const request = (uri, init, hear) => {
  const outcome = makeOutcome();
  const xhr = new XMLHttpRequest();
  let heard = 0;
  let timer;
  const finish = (error) => {
    clearTimeout(timer);
    xhr.onreadystatechange = null;
    outcome.settle(error);
  };
  const abort = () => {
    if (outcome.isSettled()) return;
    finish(new Error('The request was given up'));
    xhr.abort();
  };
  const listen = () => {
    clearTimeout(timer);
    if (init.silence && !outcome.isSettled()) timer = setTimeout(abort, init.silence);
  };
  // What is heard may give the request up.
  const tellNews = () => {
    const text = xhr.responseText;
    const news = text.slice(heard);
    heard = text.length;
    if (news && hear) hear(news);
  };
  xhr.onreadystatechange = () => {
    const state = xhr.readyState;
    if (state < 3 || outcome.isSettled() || (state === 3 && !isReadable(xhr))) return;
    listen();
    if (isSuccess(xhr)) tellNews();
    if (state === 4 && !outcome.isSettled()) finish(isSuccess(xhr) ? undefined : failure(xhr));
  };
  listen();
  try {
    send(xhr, uri, init);
  } catch (error) {
    finish(new Error(UNREACHABLE));
  }
  return { done: outcome, abort };
};

const UNREACHABLE = 'The server cannot be reached';

const FORM = 'application/x-www-form-urlencoded;charset=UTF-8';

const send = (xhr, uri, { method, body, headers, credentials }) => {
  const [found, userinfo] = /\/\/([^/@]*)@/.exec(uri) || [];
  xhr.open(method || 'GET', found ? uri.replace(found, '//') : uri, true);
  xhr.withCredentials = credentials === 'include';
  const all = { ...headers };
  if (found) all.authorization = `Basic ${btoa(decodeURIComponent(userinfo))}`;
  if (typeof body === 'object' && body) all['content-type'] = FORM;
  for (const name in all) xhr.setRequestHeader(name, all[name]);
  xhr.send(body === undefined ? null : `${body}`);
};

// Internet Explorer has nothing to read before the answer is complete, and throws.
const isReadable = (xhr) => {
  try {
    return xhr.status > 0 && typeof xhr.responseText === 'string';
  } catch (error) {
    return false;
  }
};

// Internet Explorer takes 204 for 1223.
const isSuccess = ({ status }) => (status >= 200 && status < 300) || status === 1223;

const failure = ({ status, responseText }) => {
  if (!status) return new Error(UNREACHABLE);
  const error = new Error(`The server refused a request with status ${status}`);
  return Object.assign(error, { status, answer: responseText });
};

// Those who wait hear of it in a later turn, as with a promise.
const makeOutcome = () => {
  const waiting = [];
  let result;
  const notify = () => {
    for (const [succeeded, failed] of waiting.splice(0)) {
      const fn = result.error ? failed : succeeded;
      if (fn) fn(result.error);
    }
  };
  const then = (succeeded, failed) => {
    waiting.push([succeeded, failed]);
    if (result) setTimeout(notify, 0);
  };
  return {
    then,
    catch: (failed) => then(undefined, failed),
    isSettled: () => !!result,
    settle(error) {
      if (result) return;
      result = { error };
      setTimeout(notify, 0);
    },
  };
};

// A text that makes a URL one that no cache knows.
export const unique = () => Math.random().toString(36).slice(2);

// Appends to the path of a URL, and to its query.
export const extend = (uri, end, query = '') => {
  const at = uri.indexOf('?');
  const path = at < 0 ? uri : uri.slice(0, at);
  const search = at < 0 ? '' : uri.slice(at + 1);
  return `${path.replace(/\/*$/, end)}?${search}${query}`;
};

// Tells a link something. What a listener throws must not stop what brings the next message.
export const tell = (link, event, value) => {
  try {
    link[event](value);
  } catch (error) {
    setTimeout(() => {
      throw error;
    }, 0);
  }
};
