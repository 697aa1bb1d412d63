import { int, list, text } from '../fields.ts';
import { SmpGroup } from '../groups.ts';
import { command, type SmpCommand } from '../message.ts';

/** Parameters of {@link ShellExecute}. */
export interface ShellExecute {
  /** The command and its arguments; or one text with the whole line. */
  readonly argv: readonly string[];
}

/** Answer to {@link ShellExecute}. */
export interface ShellOutput {
  /** What the command printed. */
  readonly o: string;
  /** What it returned; negative is an error number. */
  readonly ret: number;
}

/** Has a command of the device's shell executed. */
export const ShellExecute: SmpCommand<ShellExecute, ShellOutput> = command({
  name: 'shell',
  group: SmpGroup.shell,
  command: 0,
  op: 'write',
  source: 'smp section 4.7',
  request: { argv: list(text({ as: 'lines' })) },
  response: { o: text({ as: 'lines' }), ret: int() },
  // Old servers have the result of the command in `rc`: with an output it is no refusal.
  modernised: (answer) => {
    if (!answer.has('o') || answer.has('ret') || !answer.has('rc')) return answer;
    const modern = new Map(answer);
    modern.set('ret', answer.get('rc'));
    modern.delete('rc');
    return modern;
  },
});
