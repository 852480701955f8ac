// The link between a client and its transport: at most one connection at a time. The client hears
// of a connection only until it is closed or has ended, whatever the transport says afterwards.

export class Link {
  #current = null;
  #primus;
  #transport;

  constructor(primus, transport) {
    this.#primus = primus;
    this.#transport = transport;
  }

  open() {
    const primus = this.#primus;
    const attempt = (this.#current = {});
    try {
      attempt.connection = this.#transport(this.#sideOf(attempt));
    } catch (error) {
      if (this.#current === attempt) primus.emit('incoming::error', error);
      return;
    }
    // The transport may have failed, and the client may have closed, before there was a connection.
    if (this.#current !== attempt) attempt.connection.close();
    else primus.socket = attempt.connection.socket ?? attempt.connection;
  }

  send(packet) {
    try {
      this.#current?.connection?.send(packet);
    } catch (error) {
      this.#primus.emit('incoming::error', error);
    }
  }

  close() {
    const connection = this.#current?.connection;
    this.#current = null;
    connection?.close();
  }

  // What the transport sees (see `transports/websocket.js`).
  #sideOf(attempt) {
    const primus = this.#primus;
    const tell = (event) => (value) => {
      if (this.#current !== attempt) attempt.connection.close();
      else primus.emit(event, value);
    };
    return {
      uri: (options) => primus.uri(options),
      options: {
        ...primus.options,
        transport: primus.transport,
        websockets: !primus.AVOID_WEBSOCKETS,
      },
      opened: tell('incoming::open'),
      received: tell('incoming::data'),
      failed: tell('incoming::error'),
      ended: tell('incoming::end'),
    };
  }
}
