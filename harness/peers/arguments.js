/**
 * What every peer is told on its command line: `PORT echo|broadcast`.
 *
 * @param {string} name How the peer is called in the complaint.
 * @returns {{ port: number, mode: 'echo' | 'broadcast' }} Port 0 lets the kernel choose.
 */
export function parseArguments(name) {
  const [port, mode, ...rest] = process.argv.slice(2);
  const isPort = /^\d{1,5}$/.test(port ?? '');
  if (!isPort || !['echo', 'broadcast'].includes(mode) || rest.length) {
    process.stderr.write(`usage: ${name} PORT echo|broadcast\n`);
    process.exit(2);
  }
  return { port: Number(port), mode };
}
