// Named streams within the connection. `primus.substream(name)` makes one, or finds it.
function client(primus) {
  'use strict';

  var Base = (typeof Primus === 'function' ? Primus : primus.constructor).EventEmitter;
  var END = 'substream::end';
  // A name may be that of anything, `__proto__` included.
  var streams = (primus.streams = Object.create(null));

  function Stream(name) {
    Base.call(this);
    this.name = name;
    this.primus = primus;
    this.stream = primus;
    this.readyState = primus.readyState;
  }

  Stream.prototype = Object.create(Base.prototype);
  Stream.prototype.constructor = Stream;

  // The transforms of the client see what is written, and not what stands around it.
  Stream.prototype.write = function write(data) {
    if (!isOpen(this)) return false;
    primus.transforms(primus, this, 'outgoing', data);
    return true;
  };

  Stream.prototype._write = function write(data) {
    return primus._write({ substream: this.name, args: data });
  };

  Stream.prototype.end = function end(data) {
    if (!isOpen(this)) return this;
    if (data) this.write(data);
    this._write(END);
    return close(this);
  };

  function isOpen(stream) {
    return streams[stream.name] === stream;
  }

  function close(stream) {
    delete streams[stream.name];
    stream.stream = null;
    stream.emit('close');
    stream.emit('end');
    return stream.removeAllListeners();
  }

  // A listener may make streams and end them.
  function each(call) {
    var names = Object.keys(streams);
    for (var i = 0; i < names.length; i++) {
      if (streams[names[i]]) call(streams[names[i]]);
    }
  }

  // What happens to the connection happens to its streams.
  function follow(event) {
    primus.on(event, function followed() {
      var args = [event].concat(Array.prototype.slice.call(arguments));
      each(function tell(stream) {
        stream.readyState = primus.readyState;
        stream.emit.apply(stream, args);
      });
    });
  }

  for (var event in primus.reserved.events) {
    if (event !== 'data' && event !== 'end') follow(event);
  }

  // The server learns of it by the end of the connection.
  primus.on('end', function ended() {
    each(close);
  });

  primus.transform('incoming', function incoming(packet) {
    var data = packet.data;
    // What comes out of a stream goes through the transforms as well.
    if (this !== primus || !data || typeof data !== 'object') return undefined;
    var stream = typeof data.substream === 'string' && streams[data.substream];
    if (!stream) return undefined;
    if (data.args === END) close(stream);
    else primus.transforms(primus, stream, 'incoming', data.args);
    return false;
  });

  primus.substream = function substream(name) {
    if (!streams[name]) streams[name] = new Stream(String(name));
    return streams[name];
  };
}
