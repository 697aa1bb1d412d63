import { stat } from 'node:fs/promises';

/** How often a look is taken, ms. */
const LOOK_MS = 500;

/**
 * Calls `gone` once when the port at `path` is there no more, or is another one than before. A pulled port reads as 0 octets for ever,
 * which `serialport` takes for patience when it happens to read at that moment. Returns what ends the watch. COM ports of Windows are
 * no files; reading them fails as it should.
 */
export function watchForUnplug(path: string, gone: () => void): () => void {
  if (process.platform === 'win32') return () => {};
  let first: number | undefined;
  let isOver = false;
  const look = async () => {
    const node = await stat(path).catch(() => undefined);
    if (isOver) return;
    first ??= node?.ino;
    if (node !== undefined && node.ino === first) return;
    stop();
    gone();
  };
  const timer = setInterval(look, LOOK_MS).unref();
  const stop = () => {
    isOver = true;
    clearInterval(timer);
  };
  void look();
  return stop;
}
