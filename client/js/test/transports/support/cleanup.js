// What a test leaves behind is cleared away in the opposite order, clients before their servers:
// some servers wait half a minute for a client that does not say goodbye.

const cleanups = new WeakMap();

export const atEnd = (t, cleanup) => {
  if (!cleanups.has(t)) {
    cleanups.set(t, []);
    t.after(async () => {
      for (const next of cleanups.get(t).reverse()) await next();
    });
  }
  cleanups.get(t).push(cleanup);
};
