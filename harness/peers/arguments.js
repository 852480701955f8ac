import { parseArgs } from 'node:util';

/**
 * What every peer is told on its command line: `PORT echo|broadcast`, and what else it understands.
 *
 * @param {string} name How the peer is called in the complaint.
 * @param {Record<string, { type: 'string', default: string }>} options What else it understands.
 * @returns {{ port: number, mode: 'echo' | 'broadcast', options: Record<string, string> }} Port 0
 *   lets the kernel choose.
 */
export function parseArguments(name, options = {}) {
  const { positionals, values } = parse(name, options);
  const [port, mode, ...rest] = positionals;
  const isPort = /^\d{1,5}$/.test(port ?? '');
  if (!isPort || !['echo', 'broadcast'].includes(mode) || rest.length) refuse(name, options);
  return { port: Number(port), mode, options: values };
}

function parse(name, options) {
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch {
    return refuse(name, options);
  }
}

function refuse(name, options) {
  const optional = Object.keys(options).map((option) => ` [--${option} VALUE]`);
  process.stderr.write(`usage: ${name} PORT echo|broadcast${optional.join('')}\n`);
  process.exit(2);
}
