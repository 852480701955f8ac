// The line of the heartbeat: flat while nothing happens, a beat for each ping, dotted while there
// is no connection. It moves on its own, or once a second for those who asked for less motion.

const BEAT_MS = 700;
const MARGIN_PX = 8;

/** Height of the line, 0 to 1 up or down, `ms` after a ping: the shape of a heart's beat. */
function height(ms) {
  const at = ms / BEAT_MS;
  if (at < 0 || at > 1) return 0;
  const bump = (centre, width, size) => size * Math.exp(-(((at - centre) / width) ** 2));
  const rise = bump(.12, .05, .14) + bump(.3, .02, -.16) + bump(.36, .026, 1);
  return rise + bump(.43, .024, -.34) + bump(.7, .08, .22);
}

export class Pulse {
  #canvas;
  #context;
  #beats = [];
  /** Moments at which the connection came or went, oldest first. */
  #changes = [];
  #isLive = false;
  #window = 12_000;
  #calm = matchMedia('(prefers-reduced-motion: reduce)');
  #drawnAt = 0;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d');
    this.#frame(performance.now());
  }

  /** Shows about three intervals, and never so much that a beat becomes a speck. */
  set interval(ms) {
    this.#window = Math.min(Math.max(3.5 * ms, 6_000), 45_000);
  }

  set isLive(isLive) {
    if (isLive === this.#isLive) return;
    this.#isLive = isLive;
    this.#changes.push({ at: performance.now(), isLive });
  }

  beat() {
    this.#beats.push(performance.now());
  }

  #frame(now) {
    requestAnimationFrame((next) => this.#frame(next));
    const pause = this.#calm.matches ? 1_000 : 30;
    if (now - this.#drawnAt < pause) return;
    this.#drawnAt = now;
    this.#forget(now - this.#window - BEAT_MS);
    this.#draw(performance.now());
  }

  /** Keeps only what can still be seen, and the last change before it. */
  #forget(horizon) {
    while (this.#beats.length > 0 && this.#beats[0] < horizon) this.#beats.shift();
    while (this.#changes.length > 1 && this.#changes[1].at < horizon) this.#changes.shift();
  }

  #draw(now) {
    const ratio = devicePixelRatio;
    const width = this.#canvas.clientWidth;
    const height = this.#canvas.clientHeight;
    if (this.#canvas.width !== Math.round(width * ratio)) {
      this.#canvas.width = Math.round(width * ratio);
      this.#canvas.height = Math.round(height * ratio);
    }
    const context = this.#context;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.lineWidth = 2;
    context.lineJoin = 'round';
    const colours = getComputedStyle(this.#canvas);
    for (const run of this.#runs(now)) this.#line(run, now, width, height, colours);
    this.#head(now, width, height, colours);
  }

  /** The visible time, cut where the connection came or went. */
  #runs(now) {
    const begin = now - this.#window;
    const runs = [];
    let from = begin;
    let isLive = false;
    for (const change of this.#changes) {
      if (change.at > from) runs.push({ from, to: change.at, isLive });
      from = Math.max(begin, change.at);
      isLive = change.isLive;
    }
    return [...runs, { from, to: now, isLive }];
  }

  #line({ from, to, isLive }, now, width, height_px, colours) {
    const context = this.#context;
    const perMs = (width - MARGIN_PX) / this.#window;
    const x = (at) => (at - now) * perMs + width - MARGIN_PX;
    context.beginPath();
    for (let px = x(from); px <= x(to); px += .5) {
      context.lineTo(px, this.#y(now + (px - width + MARGIN_PX) / perMs, height_px, isLive));
    }
    context.setLineDash(isLive ? [] : [2, 6]);
    context.strokeStyle = colours.getPropertyValue(isLive ? '--live' : '--muted');
    context.stroke();
  }

  #y(at, height_px, isLive) {
    const middle = height_px * .66;
    if (!isLive) return middle;
    let sum = 0;
    for (const beat of this.#beats) sum += height(at - beat);
    return middle - Math.max(-1, Math.min(1, sum)) * height_px * .56;
  }

  #head(now, width, height_px, colours) {
    if (!this.#isLive) return;
    const context = this.#context;
    context.beginPath();
    context.arc(width - MARGIN_PX, this.#y(now, height_px, true), 4, 0, 2 * Math.PI);
    context.fillStyle = colours.getPropertyValue('--live');
    context.fill();
  }
}
