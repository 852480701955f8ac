// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { babelHelpers } from '../helpers.js';
import { shims } from '../shims.js';
export var request = function request(uri, init, hear) {
  var outcome = makeOutcome$transports_http();
  var xhr = new XMLHttpRequest();
  var heard = 0;
  var timer;
  var finish = function finish(error) {
    clearTimeout(timer);
    xhr.onreadystatechange = null;
    outcome.settle(error);
  };
  var abort = function abort() {
    if (outcome.isSettled()) return;
    finish(new Error('The request was given up'));
    xhr.abort();
  };
  var listen = function listen() {
    clearTimeout(timer);
    if (init.silence && !outcome.isSettled()) timer = setTimeout(abort, init.silence);
  };
  var tellNews = function tellNews() {
    var text = xhr.responseText;
    var news = text.slice(heard);
    heard = text.length;
    if (news && hear) hear(news);
  };
  xhr.onreadystatechange = function () {
    var state = xhr.readyState;
    if (state < 3 || outcome.isSettled() || state === 3 && !isReadable$transports_http(xhr)) return;
    listen();
    if (isSuccess$transports_http(xhr)) tellNews();
    if (state === 4 && !outcome.isSettled()) finish(isSuccess$transports_http(xhr) ? undefined : failure$transports_http(xhr));
  };
  listen();
  try {
    send$transports_http(xhr, uri, init);
  } catch (error) {
    finish(new Error(UNREACHABLE$transports_http));
  }
  return {
    done: outcome,
    abort: abort
  };
};
var UNREACHABLE$transports_http = 'The server cannot be reached';
var FORM$transports_http = 'application/x-www-form-urlencoded;charset=UTF-8';
var send$transports_http = function send(xhr, uri, _ref) {
  var method = _ref.method,
    body = _ref.body,
    headers = _ref.headers,
    credentials = _ref.credentials;
  var _ref2 = /\/\/([^/@]*)@/.exec(uri) || [],
    found = _ref2[0],
    userinfo = _ref2[1];
  xhr.open(method || 'GET', found ? uri.replace(found, '//') : uri, true);
  xhr.withCredentials = credentials === 'include';
  var all = babelHelpers["extends"]({}, headers);
  if (found) all.authorization = "Basic ".concat(btoa(decodeURIComponent(userinfo)));
  if (typeof body === 'object' && body) all['content-type'] = FORM$transports_http;
  for (var name in all) xhr.setRequestHeader(name, all[name]);
  xhr.send(body === undefined ? null : "".concat(body));
};
var isReadable$transports_http = function isReadable(xhr) {
  try {
    return xhr.status > 0 && typeof xhr.responseText === 'string';
  } catch (error) {
    return false;
  }
};
var isSuccess$transports_http = function isSuccess(_ref3) {
  var status = _ref3.status;
  return status >= 200 && status < 300 || status === 1223;
};
var failure$transports_http = function failure(_ref4) {
  var status = _ref4.status,
    responseText = _ref4.responseText;
  if (!status) return new Error(UNREACHABLE$transports_http);
  var error = new Error("The server refused a request with status ".concat(status));
  return shims.Object_assign(error, {
    status: status,
    answer: responseText
  });
};
var makeOutcome$transports_http = function makeOutcome() {
  var waiting = [];
  var result;
  var notify = function notify() {
    for (var _i2 = 0, _waiting$splice2 = waiting.splice(0); _i2 < _waiting$splice2.length; _i2++) {
      var _waiting$splice2$_i = _waiting$splice2[_i2],
        succeeded = _waiting$splice2$_i[0],
        failed = _waiting$splice2$_i[1];
      var fn = result.error ? failed : succeeded;
      if (fn) fn(result.error);
    }
  };
  var then = function then(succeeded, failed) {
    waiting.push([succeeded, failed]);
    if (result) setTimeout(notify, 0);
  };
  return {
    then: then,
    "catch": function _catch(failed) {
      return then(undefined, failed);
    },
    isSettled: function isSettled() {
      return !!result;
    },
    settle: function settle(error) {
      if (result) return;
      result = {
        error: error
      };
      setTimeout(notify, 0);
    }
  };
};
export var unique = function unique() {
  return Math.random().toString(36).slice(2);
};
export var extend = function extend(uri, end, query) {
  if (query === void 0) {
    query = '';
  }
  var at = uri.indexOf('?');
  var path = at < 0 ? uri : uri.slice(0, at);
  var search = at < 0 ? '' : uri.slice(at + 1);
  return "".concat(path.replace(/\/*$/, end), "?").concat(search).concat(query);
};
export var tell = function tell(link, event, value) {
  try {
    link[event](value);
  } catch (error) {
    setTimeout(function () {
      throw error;
    }, 0);
  }
};
