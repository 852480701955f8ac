// What the page `iframe.html` runs: sockjs-client 1 on a page of another origin has it speak to
// this server, and exchanges messages with it: `s` (start), `m` (a message of the client), `t` (a
// frame of the server) and `c` (close). For browsers as old as the transports: ECMAScript 5.
(function () {
  'use strict';

  var SEND_PAUSE_MS = 25;
  var RETRY_PAUSE_MS = 200;
  var windowId = location.hash.slice(1);
  var receivers = { 'xhr-polling': poll, 'eventsource': listen, 'htmlfile': embed };
  var parentOrigin;
  var transport;

  // The name by which the page starts it is that of sockjs-client.
  window.SockJS = {
    bootstrap_iframe: function () {
      window.addEventListener('message', hear, false);
      tell('s');
    }
  };

  function hear(event) {
    if (event.source !== parent || parent === window) return;
    if (parentOrigin === undefined) parentOrigin = event.origin;
    if (event.origin !== parentOrigin) return;
    var message = parsed(event.data);
    if (!message || message.windowId !== windowId) return;
    if (message.type === 's' && !transport) start(parsed(message.data));
    if (message.type === 'm' && transport) transport.send(message.data);
    if (message.type === 'c' && transport) transport.close();
  }

  function tell(type, data) {
    if (parent === window) return;
    // Nobody else's page in the place of the parent gets to read it.
    var target = parentOrigin && parentOrigin !== 'null' ? parentOrigin : '*';
    var message = { windowId: windowId, type: type, data: data || '' };
    parent.postMessage(JSON.stringify(message), target);
  }

  // Version, transport, its URL, and that of the service. The version is of no interest.
  function start(what) {
    if (!what) return;
    var name = what[1];
    var url = what[2];
    if (!isOwn(url) || !isOwn(what[3])) throw new Error('an iframe connects to its own origin');
    if (name === 'iframe-info-receiver') transport = ask(url);
    else if (receivers.hasOwnProperty(name)) transport = open(receivers[name], url);
    else tell('c', JSON.stringify([1006, 'no such transport']));
  }

  function open(receive, url) {
    var isClosed = false;
    var sender = send(url, close);
    var receiver;
    again();

    function again() {
      if (!isClosed) receiver = receive(url, frame, function (isLost) {
        if (isLost) close('permanent');
        else again();
      });
    }

    function frame(text) {
      if (!isClosed && text) tell('t', text);
    }

    function close(reason) {
      if (isClosed) return;
      stop();
      tell('c', JSON.stringify([1006, reason]));
    }

    function stop() {
      isClosed = true;
      sender.close();
      if (receiver) receiver.close();
    }

    return { send: sender.send, close: stop };
  }

  // Sends one request at a time, with everything that waits.
  function send(url, failed) {
    var waiting = [];
    var request;
    var timer;

    function next() {
      timer = null;
      if (!waiting.length) return;
      var body = '[' + waiting.join(',') + ']';
      waiting = [];
      request = ajax('POST', url + '/xhr_send', body, function (status) {
        request = null;
        if (status !== 200 && status !== 204) return failed('Sending error: ' + status);
        // A request that receives goes first.
        timer = setTimeout(next, SEND_PAUSE_MS);
      });
    }

    return {
      send: function (message) {
        waiting.push(message);
        if (!request && !timer) next();
      },
      close: function () {
        clearTimeout(timer);
        if (request) request.abort();
      }
    };
  }

  function poll(url, frame, ended) {
    var request = ajax('POST', url + '/xhr', null, function (status, text) {
      var isLost = status !== 200;
      if (!isLost) text.split('\n').forEach(frame);
      ended(isLost);
    });
    return { close: function () { request.abort(); } };
  }

  function listen(url, frame, ended) {
    var source = new EventSource(url + '/eventsource');
    source.onmessage = function (event) { frame(decodeURI(event.data)); };
    source.onerror = function () {
      var isLost = source.readyState === 2;
      source.close();
      // A server that is away is not to be asked without a pause.
      setTimeout(function () { ended(isLost); }, RETRY_PAUSE_MS);
    };
    return { close: function () { source.close(); } };
  }

  function embed(url, frame, ended) {
    var callback = '_jp' + Math.random().toString(36).slice(2, 10);
    var element = document.createElement('iframe');
    var hasStarted = false;
    function close() {
      delete window[callback];
      element.onload = null;
      if (element.parentNode) element.parentNode.removeChild(element);
    }
    window[callback] = {
      start: function () { hasStarted = true; },
      message: frame,
      stop: function () { setTimeout(end, 0); }
    };
    function end() {
      if (!element.parentNode) return;
      close();
      ended(!hasStarted);
    }
    element.style.display = 'none';
    element.onload = function () { setTimeout(end, 0); };
    element.src = url + '/htmlfile?c=' + callback;
    document.body.appendChild(element);
    return { close: close };
  }

  // Asks what the server can do, and how far away it is.
  function ask(url) {
    var since = Date.now();
    var request = ajax('GET', url, null, function (status, text) {
      var info = status === 200 ? parsed(text) : null;
      tell('t', JSON.stringify([info, info ? Date.now() - since : null]));
    });
    return { send: nothing, close: function () { request.abort(); } };
  }

  function ajax(method, url, body, done) {
    var request = new XMLHttpRequest();
    var isAborted = false;
    request.open(method, url, true);
    request.onreadystatechange = function () {
      if (request.readyState === 4 && !isAborted) done(request.status, request.responseText);
    };
    request.send(body);
    return { abort: function () { isAborted = true; request.abort(); } };
  }

  function isOwn(url) {
    var link = document.createElement('a');
    link.href = url;
    return link.protocol === location.protocol && link.host === location.host;
  }

  function parsed(text) {
    try {
      return JSON.parse(text);
    } catch (ignored) {
      return null;
    }
  }

  function nothing() {}
})();
