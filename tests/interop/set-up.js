// Sets middleware and authorization of Primus up, as a test says in JSON. tests/support/set_up.rs
// is the same for AllSpark, and says what the steps mean.
'use strict';

const http = require('node:http');

function setUp(primus, steps) {
  for (const step of steps) {
    switch (step.do) {
      case 'use': use(primus, step); break;
      case 'authorize': primus.authorize(authorization(step)); break;
      default: primus[step.do](step.name);
    }
  }
}

function use(primus, { name, index, act, status, later, http: onHttp, upgrade }) {
  const acts = { pass, refuse, answer };
  const act_ = (req, res) => acts[act](req, res, name, status);
  // The number of arguments says whether the layer is asynchronous.
  const layer = later || act === 'refuse'
    ? (req, res, next) => {
      const decide = () => {
        const result = act_(req, res);
        if (result !== true) next(result);
      };
      if (later) setImmediate(decide);
      else decide();
    }
    : (req, res) => act_(req, res);
  if (onHttp === false) layer.http = false;
  if (upgrade === false) layer.upgrade = false;
  primus.use(name, layer, index ?? {});
}

/** Returns `true` if it has answered, an error if it refuses. */
function pass(req, res, name) {
  req.order = `${req.order ?? ''}${name};`;
  res.setHeader?.('x-order', req.order);
}

function refuse(req, res, name, statusCode) {
  return Object.assign(new Error(`refused by ${name}`), { statusCode });
}

function answer(req, res, name, status = 200) {
  const text = `answered by ${name}`;
  if (res.setHeader) {
    res.statusCode = status;
    res.setHeader('Content-Type', 'text/plain; charset=utf-8');
    res.end(text);
  } else {
    const head = [`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`, 'Connection: close'];
    res.end([...head, `Content-Length: ${text.length}`, '', text].join('\r\n'));
  }
  return true;
}

function authorization({ later }) {
  return (req, done) => {
    const { refuse: message, status, authenticate } = req.query;
    const error = message === undefined
      ? undefined
      : Object.assign(new Error(message), { statusCode: Number(status), authenticate });
    if (later) setImmediate(done, error);
    else done(error);
  };
}

module.exports = { setUp };
