// Events as the clients of Primus know them from npm's eventemitter3: `emit` says whether anyone
// listens, an `error` without a listener is no exception, and listeners that come or go while an
// event is emitted change nothing for that emission.
//
// It is a plain function, not a class, because plugins inherit from it in the way of before 2015
// (`Primus.EventEmitter.call(this)`).

export function Emitter() {}

class EmitterMethods {
  on(event, fn, context) {
    return addHandler(this, event, fn, context);
  }

  once(event, fn, context) {
    return addHandler(this, event, fn, context, true);
  }

  // Without a function all listeners of the event go. `context` and `once` narrow the choice.
  removeListener(event, fn, context, once) {
    const stays = (handler) =>
      fn &&
      (handler.fn !== fn ||
        (once && !handler.once) ||
        (context && handler.context !== context));
    setHandlers(this, event, handlersOf(this, event).filter(stays));
    return this;
  }

  removeAllListeners(event) {
    if (event) setHandlers(this, event, []);
    else registries.delete(this);
    return this;
  }

  listeners(event) {
    return handlersOf(this, event).map((handler) => handler.fn);
  }

  listenerCount(event) {
    return handlersOf(this, event).length;
  }

  eventNames() {
    return [...(registries.get(this)?.keys() ?? [])];
  }

  emit(event, ...args) {
    const handlers = handlersOf(this, event);
    for (const handler of handlers) {
      if (handler.once) {
        // It may be on the list of an outer emission of the same event, too.
        if (handler.spent) continue;
        handler.spent = true;
        setHandlers(this, event, handlersOf(this, event).filter((other) => other !== handler));
      }
      handler.fn.apply(handler.context, args);
    }
    return handlers.length > 0;
  }

  // A function that emits the event with its arguments, after those given here. A function as last
  // argument is asked first: it gets `next(error, replacement)` before the arguments (npm emits).
  emits(...args) {
    const ask = typeof args.at(-1) === 'function' ? args.pop() : (next) => next();
    return (...values) => {
      let emitted = true;
      const next = (error, replacement) => {
        const rest = replacement === undefined ? values : (replacement ?? []);
        emitted = error ? this.emit('error', error) : this.emit(...args.concat(rest));
      };
      ask.call(this, next, ...values);
      return emitted;
    };
  }

  // Passes every message on to a writable stream and ends that with the last one. A connection that
  // is lost and comes back is the same stream.
  pipe(target, { end = !target._isStdio } = {}) {
    const write = (data) => target.write(data);
    const finish = () => end && target.end();
    const unpipe = () => this.off('data', write).off('end', finish);
    this.on('data', write).on('end', finish);
    target.once('close', unpipe);
    target.emit('pipe', this);
    return target;
  }
}

const methods = EmitterMethods.prototype;

Emitter.prototype = Object.assign(methods, {
  constructor: Emitter,
  off: methods.removeListener,
  addListener: methods.on,
});

// For each emitter its handlers by event, in the order in which they were added. Lists are replaced
// when they change, never changed, so that an emission keeps the one with which it began.
const registries = new WeakMap();

const handlersOf = (emitter, event) => registries.get(emitter)?.get(event) ?? [];

const setHandlers = (emitter, event, handlers) => {
  if (!registries.has(emitter)) registries.set(emitter, new Map());
  if (handlers.length) registries.get(emitter).set(event, handlers);
  else registries.get(emitter).delete(event);
};

const addHandler = (emitter, event, fn, context, once) => {
  if (typeof fn !== 'function') throw new TypeError('The listener must be a function');
  context ??= emitter;
  setHandlers(emitter, event, [...handlersOf(emitter, event), { fn, context, once }]);
  return emitter;
};
