// Tables that change while somebody reads them: a row stays the same element as long as it is
// about the same thing, so that neither the eye nor the keyboard loses its place.

const SVG = 'http://www.w3.org/2000/svg';

/** Columns are `{ title, className, fill(cell, row) }`; `key` says what a row is about. */
export class Table {
  #host;
  #table = null;
  #body = null;
  #rows = new Map();

  constructor(host, { caption, columns, key, empty }) {
    this.#host = host;
    Object.assign(this, { caption, columns, key, empty });
  }

  update(rows) {
    if (rows.length === 0) return this.#showEmpty();
    if (this.#table === null) this.#begin();
    const focused = document.activeElement;
    const seen = new Set();
    rows.forEach((row, place) => {
      const key = this.key(row);
      seen.add(key);
      const line = this.#rows.get(key) ?? this.#line(key);
      if (this.#body.children[place] !== line) {
        this.#body.insertBefore(line, this.#body.children[place] ?? null);
      }
      this.columns.forEach((column, number) => column.fill(line.children[number], row));
    });
    for (const [key, line] of this.#rows) {
      if (seen.has(key)) continue;
      line.remove();
      this.#rows.delete(key);
    }
    if (focused !== document.activeElement && focused?.isConnected) focused.focus();
    return undefined;
  }

  #line(key) {
    const line = document.createElement('tr');
    for (const { className = '' } of this.columns) {
      const cell = document.createElement('td');
      cell.className = className;
      line.append(cell);
    }
    this.#rows.set(key, line);
    return line;
  }

  #begin() {
    this.#table = document.createElement('table');
    const caption = document.createElement('caption');
    caption.className = 'visually-hidden';
    caption.textContent = this.caption;
    const head = document.createElement('tr');
    for (const { title, className = '' } of this.columns) {
      const cell = document.createElement('th');
      cell.scope = 'col';
      cell.className = className.includes('number') ? 'number' : '';
      cell.textContent = title;
      head.append(cell);
    }
    const top = document.createElement('thead');
    top.append(head);
    this.#body = document.createElement('tbody');
    this.#table.append(caption, top, this.#body);
    this.#host.replaceChildren(this.#table);
  }

  #showEmpty() {
    if (this.#table === null && this.#host.childElementCount > 0) return;
    this.#rows.clear();
    this.#table = this.#body = null;
    const calm = document.createElement('p');
    calm.className = 'calm';
    const check = document.createElementNS(SVG, 'svg');
    check.setAttribute('viewBox', '0 0 20 20');
    check.setAttribute('aria-hidden', 'true');
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', 'M3 10a7 7 0 1 0 14 0a7 7 0 1 0-14 0M7 10.5l2.2 2.2L13 8.2');
    check.append(path);
    calm.append(check, this.empty);
    this.#host.replaceChildren(calm);
  }
}

/** Text, as it is. */
export const text = (of) => (cell, row) => {
  const words = of(row);
  if (cell.textContent !== words) cell.textContent = words;
};

/** A button that looks like a link. */
export const link = (of, follow) => (cell, row) => {
  let button = cell.querySelector('button');
  if (!button) {
    button = document.createElement('button');
    button.type = 'button';
    button.className = 'link';
    button.addEventListener('click', () => follow(button.dataset.id));
    cell.append(button);
  }
  if (button.dataset.id === of(row)) return;
  button.dataset.id = button.textContent = of(row);
  button.setAttribute('aria-label', `Show spark ${of(row)}`);
};

/** A bar: `share` from 0 to 1, and how bad that is. */
export const bar = (share, kind = () => '') => (cell, row) => {
  let frame = cell.firstElementChild;
  if (!frame) {
    frame = document.createElement('span');
    frame.setAttribute('aria-hidden', 'true');
    frame.append(document.createElement('i'));
    cell.append(frame);
  }
  frame.className = `bar ${kind(row)}`;
  const part = Math.max(0, Math.min(1, share(row)));
  frame.firstElementChild.style.width = `${(part * 100).toFixed(1)}%`;
};
