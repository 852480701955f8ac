// What a connection goes over: a WebSocket, or requests of HTTP. A client of Primus does not say,
// but it takes the WebSocket that it is given, and this one tells.

/** A class of WebSockets that calls `changed` with true or false when the first opens or the last
 * closes. */
export function watchedWebSocket(changed) {
  let open = 0;
  const count = (change) => {
    const before = open > 0;
    open += change;
    if (open > 0 !== before) changed(open > 0);
  };
  return class extends WebSocket {
    constructor(url) {
      super(url);
      this.addEventListener('open', () => {
        count(1);
        this.addEventListener('close', () => count(-1));
      });
    }
  };
}
