// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { shims } from './shims.js';
export var networkEventsExist = function networkEventsExist() {
  var _globalThis$navigator;
  return ((_globalThis$navigator = shims.globalThis.navigator) == null ? void 0 : _globalThis$navigator.onLine) !== undefined && !!shims.globalThis.addEventListener;
};
export var followNetwork = function followNetwork(primus) {
  var _globalThis$navigator2, _globalThis$addEventL, _globalThis$addEventL2;
  primus.online = ((_globalThis$navigator2 = shims.globalThis.navigator) == null ? void 0 : _globalThis$navigator2.onLine) !== false;
  primus.offlineHandler = function () {
    if (!primus.online) return;
    primus.online = false;
    primus.emit('offline');
    primus.end(undefined, true);
  };
  primus.onlineHandler = function () {
    var _primus$options;
    if (primus.online) return;
    primus.online = true;
    primus.emit('online');
    if (primus.disconnect) return;
    if ((_primus$options = primus.options) != null && shims.includes(_primus$options.strategy, 'online')) primus.recovery.reconnect();
  };
  (_globalThis$addEventL = shims.globalThis.addEventListener) == null || _globalThis$addEventL.call(shims.globalThis, 'offline', primus.offlineHandler);
  (_globalThis$addEventL2 = shims.globalThis.addEventListener) == null || _globalThis$addEventL2.call(shims.globalThis, 'online', primus.onlineHandler);
};
export var leaveNetwork = function leaveNetwork(primus) {
  var _globalThis$removeEve, _globalThis$removeEve2;
  (_globalThis$removeEve = shims.globalThis.removeEventListener) == null || _globalThis$removeEve.call(shims.globalThis, 'offline', primus.offlineHandler);
  (_globalThis$removeEve2 = shims.globalThis.removeEventListener) == null || _globalThis$removeEve2.call(shims.globalThis, 'online', primus.onlineHandler);
};
