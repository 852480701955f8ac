// primus-analytics: tells Google Analytics, if the page has it (`ga`), how the connection fares and
// which events are sent. Options: `analytics: { category, app, events: { name: alias | false } }`.
function client(primus, options) {
  'use strict';

  var given = (options && options.analytics) || {};
  var category = given.category || 'primus';
  var app = given.app || 'primus';
  var events = given.events || {};
  var isReconnecting = false;

  // A page may load it at any time, so it is looked for each time.
  function tracks(name) {
    /* global ga */
    return typeof ga === 'function' && events[name] !== false;
  }

  // Nobody has to have touched the page, so it says nothing of its bounce rate.
  function track(name) {
    if (!tracks(name)) return;
    ga('send', {
      eventAction: events[name] || name,
      eventCategory: category,
      hitType: 'event',
      nonInteraction: 1
    });
  }

  function trackOn(event, name) {
    primus.on(event, function tracked() {
      track(name);
    });
  }

  // Of a message its event is told, as primus-emit and primus-emitter write it.
  function nameOf(data) {
    var event;
    if (data && data.emit) event = data.emit[0];
    else if (data && data.type === 0 && data.data) event = data.data[0];
    return typeof event === 'string' ? event : 'write';
  }

  trackOn('close', 'close');
  trackOn('online', 'online');
  trackOn('reconnected', 'reconnected');
  trackOn('reconnect failed', 'reconnect-failed');

  primus.on('open', function opened() {
    isReconnecting = false;
    track('open');
  });

  // Of a loss the first attempt is told, not each of them.
  primus.on('reconnect scheduled', function scheduled() {
    if (isReconnecting) return;
    isReconnecting = true;
    track('reconnect-start');
  });

  primus.on('error', function failed(error) {
    if (!tracks('error')) return;
    ga('send', 'exception', { exDescription: error.message, appName: app, exFatal: true });
  });

  primus.transform('outgoing', function outgoing(packet) {
    track(nameOf(packet.data));
  });
}
