// The charts: a large one that moves with time, and small ones without a scale. Canvas and SVG,
// with the colours of the page.

import { clock, count, round } from './format.js';

const SVG = 'http://www.w3.org/2000/svg';
const SPARKLINE_POINTS = 60;
/** Seconds between two marks of time: the first that makes few enough of them. */
const MARKS = [5, 10, 15, 30, 60, 120, 180];
const MARKS_MAX = 7;
/** The room that a mark with seconds needs. */
const MARK_PIXELS = 76;
/** A chart shows no less than half a minute, and at first no more than there is to see. */
const SECONDS_MIN = 30;
/** A line is not drawn over a time from which nothing is known. */
const GAP_MS = 3_500;
const PAD = { top: 14, right: 12, bottom: 24 };

/** An SVG for a sparkline. */
export function sparkline() {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'sparkline');
  svg.setAttribute('viewBox', '0 0 120 32');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  for (const name of ['area', 'line']) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('class', name);
    svg.append(path);
  }
  return svg;
}

/** Draws the last numbers of a list. */
export function drawSparkline(svg, numbers, points = SPARKLINE_POINTS) {
  const shown = numbers.slice(-points).map((number) => number ?? 0);
  const most = Math.max(...shown, 0);
  const x = (place) => (place * 120) / Math.max(1, shown.length - 1);
  const y = (number) => 30 - (most > 0 ? (number / most) * 27 : 0);
  const dots = shown.map((number, place) => `${x(place).toFixed(1)} ${y(number).toFixed(1)}`);
  const [area, line] = svg.children;
  if (dots.length < 2) dots.push(`120 ${y(shown[0] ?? 0)}`);
  line.setAttribute('d', `M${dots.join('L')}`);
  area.setAttribute('d', `M0 32L${dots.join('L')}L120 32Z`);
}

export class Chart {
  #canvas;
  #context;
  #reading;
  #history;
  #metric = null;
  #seconds = 300;
  #arrived = 0;
  #scale = 1;
  #isGrowing = false;
  #drawnAt = 0;
  #pointed = null;
  #colours = null;
  #calm = matchMedia('(prefers-reduced-motion: reduce)');

  constructor(canvas, reading, history) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d');
    this.#reading = reading;
    this.#history = history;
    this.#listen();
    requestAnimationFrame((now) => this.#frame(now));
  }

  /** What is drawn: `series` of numbers, each with its name, and how a number is written. */
  set metric(metric) {
    this.#metric = metric;
    this.#scale = 0;
    this.#point(null);
  }

  set seconds(seconds) {
    this.#seconds = seconds;
    this.#scale = 0;
    this.#point(null);
  }

  /** A sample has come. */
  arrived() {
    this.#arrived = performance.now();
    if (this.#pointed !== null) this.#tell();
  }

  /** In words, for who does not see it. */
  words() {
    const seconds = this.#shown();
    const from = this.#history.from(this.#edge() - seconds * 1000);
    const parts = this.#metric.series.map(([name, title]) => {
      const seen = this.#history.column(name).slice(from).filter((number) => number !== null);
      if (seen.length === 0) return `${title}: nothing is known.`;
      const { format } = this.#metric;
      const [least, most] = [Math.min(...seen), Math.max(...seen)];
      return `${title}: ${format(seen.at(-1))} now, between ${format(least)} and ${format(most)}.`;
    });
    const past = `the last ${count(Math.round(seconds))} seconds`;
    return `${this.#metric.name}, ${past}. ${parts.join(' ')}`;
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener('pointermove', ({ offsetX }) => this.#pointAt(offsetX));
    canvas.addEventListener('pointerdown', ({ offsetX }) => this.#pointAt(offsetX));
    canvas.addEventListener('pointerleave', () => this.#point(null));
    canvas.addEventListener('blur', () => this.#point(null));
    canvas.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
      if (event.key === 'Escape') this.#point(null);
      if (!step) return;
      event.preventDefault();
      const times = this.#history.column('at');
      const last = times.length - 1;
      const place = this.#pointed === null ? last : times.indexOf(this.#pointed) + step;
      const first = this.#history.from(this.#edge() - this.#shown() * 1000);
      this.#point(times[Math.max(first, Math.min(place, last))] ?? null);
    });
    const forget = () => {
      this.#colours = null;
      this.#drawnAt = 0;
    };
    addEventListener('allspark-theme', forget);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', forget);
    new ResizeObserver(forget).observe(canvas);
  }

  /** The moment at the right edge: a little late, so that what comes next moves in. */
  #edge() {
    const last = this.#history.last('at') ?? Date.now();
    if (this.#calm.matches) return last;
    return last - 1000 + Math.min(1000, performance.now() - this.#arrived);
  }

  /** How many seconds are shown. */
  #shown() {
    const first = this.#history.column('at')[0] ?? this.#edge();
    const known = (this.#edge() - first) / 1000;
    return Math.max(SECONDS_MIN, Math.min(this.#seconds, known));
  }

  #frame(now) {
    requestAnimationFrame((next) => this.#frame(next));
    if (!this.#metric || now - this.#drawnAt < this.#rest()) return;
    this.#drawnAt = now;
    this.#draw();
  }

  /** Milliseconds until it is worth drawing again: a moving line has moved by half a pixel. */
  #rest() {
    if (this.#calm.matches) return 1_000;
    if (this.#isGrowing) return 33;
    const pxPerMs = this.#canvas.clientWidth / (this.#shown() * 1_000);
    return Math.min(250, Math.max(33, .5 / pxPerMs));
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = devicePixelRatio;
    if (this.#canvas.width !== Math.round(width * ratio)
      || this.#canvas.height !== Math.round(height * ratio)) {
      this.#canvas.width = Math.round(width * ratio);
      this.#canvas.height = Math.round(height * ratio);
    }
    this.#colours ??= colours(this.#canvas);
    const context = this.#context;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = this.#colours.font;
    const place = this.#place(width, height);
    this.#grid(place);
    context.save();
    context.beginPath();
    context.rect(place.left, 0, place.right - place.left + 1, height);
    context.clip();
    const series = this.#metric.series.map(([name]) => this.#points(name, place));
    for (let number = series.length - 1; number >= 0; number -= 1) {
      this.#line(series[number], this.#colours.series[number], place, number === 0);
    }
    context.restore();
    this.#marker(place);
  }

  /** Where moments and numbers are on the canvas. */
  #place(width, height) {
    const to = this.#edge();
    const from = to - this.#shown() * 1000;
    const first = Math.max(0, this.#history.from(from) - 1);
    const columns = this.#metric.series.map(([name]) => this.#history.column(name).slice(first));
    const most = Math.max(...columns.flat().map((number) => number ?? 0), this.#metric.least ?? 1);
    const wanted = round(most * 1.05);
    const isFirst = this.#scale === 0 || this.#calm.matches;
    this.#scale = isFirst ? wanted : this.#scale + (wanted - this.#scale) * .18;
    this.#isGrowing = Math.abs(this.#scale - wanted) > wanted * .002;
    if (!this.#isGrowing) this.#scale = wanted;
    const label = this.#metric.format(wanted);
    const left = Math.ceil(this.#context.measureText(label).width) + 14;
    const [right, top, bottom] = [width - PAD.right, PAD.top, height - PAD.bottom];
    return {
      first, from, to, left, right, top, bottom, wanted,
      x: (at) => left + ((at - from) / (to - from)) * (right - left),
      y: (number) => bottom - (number / this.#scale) * (bottom - top),
    };
  }

  #points(name, { first, x, y }) {
    const times = this.#history.column('at');
    const column = this.#history.column(name);
    const runs = [[]];
    for (let place = first; place < times.length; place += 1) {
      const isAfterGap = place > first && times[place] - times[place - 1] > GAP_MS;
      if (column[place] === null || isAfterGap) runs.push([]);
      if (column[place] !== null) runs.at(-1).push([x(times[place]), y(column[place])]);
    }
    return runs.filter((run) => run.length > 0);
  }

  #grid({ left, right, top, bottom, wanted, from, to, x, y }) {
    const context = this.#context;
    const { line, muted } = this.#colours;
    context.lineWidth = 1;
    context.textBaseline = 'middle';
    context.textAlign = 'right';
    for (const share of [0, .5, 1]) {
      const height = Math.round(y(wanted * share)) + .5;
      if (height < top - 8) continue;
      context.strokeStyle = line;
      context.beginPath();
      context.moveTo(left, height);
      context.lineTo(right, height);
      context.stroke();
      context.fillStyle = muted;
      context.fillText(this.#metric.format(wanted * share), left - 8, height);
    }
    context.textAlign = 'center';
    context.textBaseline = 'alphabetic';
    const seconds = (to - from) / 1000;
    const marksMax = Math.min(MARKS_MAX, (right - left) / MARK_PIXELS);
    const step = (MARKS.find((mark) => seconds / mark <= marksMax) ?? MARKS.at(-1)) * 1000;
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
      const middle = x(at);
      if (middle < left + 16 || middle > right - 14) continue;
      const time = clock(at);
      context.fillText(step >= 60_000 ? time.slice(0, 5) : time, middle, bottom + 18);
    }
  }

  #line(runs, colour, { bottom, top }, isFilled) {
    const context = this.#context;
    context.lineWidth = 2;
    context.lineJoin = 'round';
    context.strokeStyle = colour;
    const fill = context.createLinearGradient(0, top, 0, bottom);
    fill.addColorStop(0, withAlpha(colour, .22));
    fill.addColorStop(1, withAlpha(colour, .02));
    for (const run of runs) {
      context.beginPath();
      run.forEach(([x, y], place) => (place === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
      context.stroke();
      if (!isFilled) continue;
      context.lineTo(run.at(-1)[0], bottom);
      context.lineTo(run[0][0], bottom);
      context.closePath();
      context.fillStyle = fill;
      context.fill();
    }
  }

  #marker({ x, y, top, bottom, left }) {
    if (this.#pointed === null) return;
    const context = this.#context;
    const middle = x(this.#pointed);
    const place = this.#history.column('at').indexOf(this.#pointed);
    if (place < 0 || middle < left) return this.#point(null);
    context.strokeStyle = this.#colours.muted;
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(middle, top);
    context.lineTo(middle, bottom);
    context.stroke();
    context.setLineDash([]);
    this.#metric.series.forEach(([name], number) => {
      const value = this.#history.column(name)[place];
      if (value === null || value === undefined) return;
      context.beginPath();
      context.arc(middle, y(value), 4, 0, 2 * Math.PI);
      context.fillStyle = this.#colours.series[number];
      context.fill();
    });
    const width = this.#reading.offsetWidth;
    const isLeft = middle + width + 16 > this.#canvas.clientWidth;
    this.#reading.style.translate = `${isLeft ? middle - width - 12 : middle + 12}px 0`;
    return undefined;
  }

  #pointAt(px) {
    const place = this.#place(this.#canvas.clientWidth, this.#canvas.clientHeight);
    const share = (px - place.left) / (place.right - place.left);
    const at = place.from + share * (place.to - place.from);
    const times = this.#history.column('at').slice(place.first);
    const distance = (time) => Math.abs(time - at);
    const nearest = times.reduce((a, b) => (distance(b) < distance(a) ? b : a), times[0] ?? null);
    this.#point(nearest);
  }

  #point(at) {
    this.#pointed = at;
    this.#reading.hidden = at === null;
    if (at !== null) this.#tell();
    this.#drawnAt = 0;
  }

  #tell() {
    const place = this.#history.column('at').indexOf(this.#pointed);
    const time = document.createElement('time');
    time.textContent = clock(this.#pointed);
    const values = this.#metric.series.map(([name, title]) => {
      const line = document.createElement('div');
      line.textContent = `${title} ${this.#metric.format(this.#history.column(name)[place])}`;
      return line;
    });
    this.#reading.replaceChildren(time, ...values);
  }
}

function colours(element) {
  const style = getComputedStyle(element);
  // A variable may be a function of the colour scheme, so an element has to have the colour.
  const probe = document.createElement('i');
  element.after(probe);
  const resolved = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const found = {
    line: resolved('--faint'),
    muted: resolved('--muted'),
    series: ['--series-1', '--series-2'].map(resolved),
    font: `12px ${style.fontFamily}`,
  };
  probe.remove();
  return found;
}

function withAlpha(colour, alpha) {
  const [red, green, blue] = colour.match(/[\d.]+/g);
  return `rgb(${red} ${green} ${blue} / ${alpha})`;
}
