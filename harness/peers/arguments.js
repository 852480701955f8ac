import { parseArgs } from 'node:util';

/**
 * What every peer is told on its command line: `PORT MODE`, and what else it understands.
 *
 * @param {string} name How the peer is called in the complaint.
 * @param {Record<string, { type: 'string', default: string }>} options What else it understands.
 * @param {string[]} modes What it can do.
 * @returns {{ port: number, mode: string, options: Record<string, string> }} Port 0 lets the kernel
 *   choose.
 */
export function parseArguments(name, options = {}, modes = ['echo', 'broadcast']) {
  const { positionals, values } = parse(name, options, modes);
  const [port, mode, ...rest] = positionals;
  const isPort = /^\d{1,5}$/.test(port ?? '');
  if (!isPort || !modes.includes(mode) || rest.length) refuse(name, options, modes);
  return { port: Number(port), mode, options: values };
}

function parse(name, options, modes) {
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch {
    return refuse(name, options, modes);
  }
}

function refuse(name, options, modes) {
  const optional = Object.keys(options).map((option) => ` [--${option} VALUE]`);
  process.stderr.write(`usage: ${name} PORT ${modes.join('|')}${optional.join('')}\n`);
  process.exit(2);
}
