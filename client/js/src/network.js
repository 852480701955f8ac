// The browser's own word about the network. It is heard where there is one: in pages and workers.

export const networkEventsExist = () =>
  globalThis.navigator?.onLine !== undefined && !!globalThis.addEventListener;

export const followNetwork = (primus) => {
  primus.online = globalThis.navigator?.onLine !== false;
  primus.offlineHandler = () => {
    if (!primus.online) return;
    primus.online = false;
    primus.emit('offline');
    // A procedure under way ends, too, and begins afresh once the network is back.
    primus.end(undefined, true);
  };
  primus.onlineHandler = () => {
    if (primus.online) return;
    primus.online = true;
    primus.emit('online');
    if (primus.disconnect) return;
    if (primus.options?.strategy.includes('online')) primus.recovery.reconnect();
  };
  globalThis.addEventListener?.('offline', primus.offlineHandler);
  globalThis.addEventListener?.('online', primus.onlineHandler);
};

export const leaveNetwork = (primus) => {
  globalThis.removeEventListener?.('offline', primus.offlineHandler);
  globalThis.removeEventListener?.('online', primus.onlineHandler);
};
