// Resources of the server, whose methods can be called: `primus.resource(name)`. It takes
// primus-emitter, and primus-multiplex unless `multiplex` is false, on both sides.
function client(primus) {
  'use strict';

  var Base = (typeof Primus === 'function' ? Primus : primus.constructor).EventEmitter;
  var resources = (primus.resources = Object.create(null));

  function Resource(name, multiplex) {
    Base.call(this);
    this.name = name;
    this.ns = multiplex ? '' : name + '::';
    this.stream = multiplex ? primus.channel(name) : primus;
    this.stream.on(this.ns + 'ready', ready.bind(null, this));
  }

  Resource.prototype = Object.create(Base.prototype);
  Resource.prototype.constructor = Resource;

  // `ready` is an event of the resource, all others are those that the server emits on it.
  Resource.prototype.on = function on(event, fn, context) {
    if (event === 'ready') return Base.prototype.on.call(this, event, fn, context);
    this.stream.on(this.ns + event, fn, context);
    return this;
  };

  // The server says so once per connection.
  function ready(resource, methods) {
    if (!Array.isArray(methods)) return;
    methods.forEach(function each(method) {
      if (typeof method === 'string' && !(method in resource)) add(resource, method);
    });
    resource.emit('ready', resource.name, methods);
  }

  function add(resource, method) {
    resource[method] = function call() {
      var args = [resource.ns + method].concat(Array.prototype.slice.call(arguments));
      resource.stream.send.apply(resource.stream, args);
    };
  }

  primus.resource = function resource(name, multiplex) {
    if (!resources[name]) resources[name] = new Resource(String(name), multiplex !== false);
    return resources[name];
  };
}
