import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { MeshError } from '@meshferry/core';

const SETCAP = 'Run `sudo setcap cap_net_raw+eip $(readlink -f $(which node))` once, or run as root.';
const ON_LINUX = 'Plug in a Bluetooth adapter (the kernel module is btusb), or use another bearer.';

/** What is looked at; tests have a system of their own. */
export interface System {
  readonly platform: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  exists(path: string): boolean;
  list(path: string): readonly string[];
  read(path: string): string;
}

export const thisSystem: System = {
  platform: process.platform,
  env: process.env,
  exists: existsSync,
  list: (path) => readdirSync(path),
  read: (path) => readFileSync(path, 'utf8'),
};

/** Why the Bluetooth of this machine cannot be used, as far as can be seen without opening it; undefined: nothing is known. */
export function diagnose(system: System, device?: number): MeshError | undefined {
  const { env, platform } = system;
  const port = env.BLUETOOTH_HCI_SOCKET_UART_PORT;
  if (port !== undefined) return system.exists(port) ? undefined : noPort(port);
  if (platform !== 'linux' || env.BLUETOOTH_HCI_SOCKET_USB_VID !== undefined) return undefined;
  if (!system.exists('/sys/class/bluetooth')) return noKernel();
  // Names with a colon are connections.
  const adapters = system.list('/sys/class/bluetooth').filter((name) => /^hci\d+$/.test(name));
  const name = device === undefined ? adapters[0] : `hci${device}`;
  if (name === undefined || !adapters.includes(name)) return noAdapter(name);
  return isBlocked(system, name) ? adapterOff(name) : missingRights(system);
}

function isBlocked(system: System, adapter: string): boolean {
  const folder = `/sys/class/bluetooth/${adapter}`;
  const switches = system.list(folder).filter((name) => name.startsWith('rfkill'));
  return switches.some((name) =>
    ['soft', 'hard'].some((kind) => {
      const file = `${folder}/${name}/${kind}`;
      return system.exists(file) && system.read(file).trim() === '1';
    }),
  );
}

const CAP_NET_RAW = 1n << 13n;

function missingRights(system: System): MeshError | undefined {
  if (!system.exists('/proc/self/status')) return undefined;
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(system.read('/proc/self/status'))?.[1];
  if (effective === undefined || (BigInt(`0x${effective}`) & CAP_NET_RAW) !== 0n) return undefined;
  return noPermission();
}

/** What a library threw, or told of the line to the controller. */
export function openingError(thrown: unknown): MeshError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const told = `${(error as NodeJS.ErrnoException).code ?? ''} ${error.message}`;
  if (/EAFNOSUPPORT|[Aa]ddress family not supported/.test(told)) return noKernel(error);
  if (/EPERM|EACCES|[Nn]ot permitted|[Pp]ermission/.test(told)) return noPermission(error);
  if (/EBUSY|[Cc]annot lock port|[Bb]usy/.test(told)) {
    return new MeshError('bearer-busy', 'the Bluetooth adapter is in use by another program', {
      hint: 'Close the other program; the system’s own Bluetooth service can be stopped with `sudo systemctl stop bluetooth`.',
      cause: error,
    });
  }
  if (/ENODEV|ENOENT|No such device|No such file|No compatible/.test(told)) return noAdapter(undefined, error);
  return new MeshError('bearer-failed', `noble cannot open the Bluetooth adapter: ${error.message}`, {
    hint: 'Try the other package (`noble:?lib=stoprocent`), or another bearer.',
    cause: error,
  });
}

export function noPermission(cause?: unknown): MeshError {
  return new MeshError('bearer-permission', 'no permission to use the Bluetooth adapter', { hint: SETCAP, cause });
}

export function adapterOff(name: string): MeshError {
  return new MeshError('bearer-unavailable', `the Bluetooth adapter ${name} is off`, {
    hint: 'Switch it on: `rfkill unblock bluetooth`, then `bluetoothctl power on`, or in the settings of the system.',
  });
}

export function unsupported(): MeshError {
  return new MeshError('bearer-unavailable', 'noble finds no Bluetooth Low Energy adapter that it can use', {
    hint: `It may be too old (before 4.0), missing, or not permitted. ${SETCAP}`,
  });
}

function noKernel(cause?: unknown): MeshError {
  return new MeshError('bearer-unavailable', 'this kernel has no Bluetooth', { hint: ON_LINUX, cause });
}

function noAdapter(name: string | undefined, cause?: unknown): MeshError {
  const what = name === undefined ? 'there is no Bluetooth adapter' : `there is no Bluetooth adapter ${name}`;
  return new MeshError('bearer-unavailable', what, { hint: ON_LINUX, cause });
}

function noPort(port: string): MeshError {
  return new MeshError('bearer-unavailable', `there is no serial port ${port} (BLUETOOTH_HCI_SOCKET_UART_PORT)`, {
    hint: 'Plug the controller in, or correct the variable.',
  });
}
