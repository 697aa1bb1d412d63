import type { CborValue } from '../../cbor.ts';
import { SmpGroup } from '../../groups.ts';
import {
  BootloaderInfo,
  type BootloaderInfoAnswer,
  Echo,
  McumgrParameters,
  OsInfo,
  Reset,
  TaskStatistics,
} from '../../messages/os.ts';
import { SmpOp } from '../../packet.ts';
import { answer, answerMap, groupError, type Handler, handle, layerError, type Reply } from '../reply.ts';
import { dateTimeHandlers, RamClock } from './date-time.ts';
import type { GroupGround } from './ground.ts';
import { osFacts, osInfo } from './os-info.ts';

const group = SmpGroup.os;
const RESPONSE_TOO_BIG = 7;
const INVALID_FORMAT = 2;
/** CONFIG_MCUMGR_GRP_OS_TASKSTAT_MAX_NUM_THREADS of a Zephyr build that does not say otherwise. */
const TASK_LIMIT = 16;

/** The OS group; `reset` is told when one was accepted. */
export function osHandlers(ground: GroupGround, reset: (bootMode: number) => void): Handler[] {
  const { options, personality, buffers } = ground;
  const facts = osFacts(personality, options.info ?? {});
  const echo = ({ d = '' }: { d?: string }): Reply<{ r: string }> => answer({ r: d });
  const handlers = [
    handle(Echo, echo),
    handle(Echo, echo, { op: SmpOp.read }),
    handle(TaskStatistics, () => {
      const tasks = options.tasks ?? new Map();
      return tasks.size > (options.taskLimit ?? TASK_LIMIT) ? layerError(RESPONSE_TOO_BIG) : answer({ tasks });
    }),
    handle(OsInfo, ({ format = '' }) => {
      const output = osInfo(facts, format);
      return output === undefined ? groupError(group, INVALID_FORMAT) : answer({ output });
    }),
    // What cannot be read is taken for no parameters: a device that can hardly do anything must still reset.
    handle(
      Reset,
      ({ force = false, bootMode = 0 }) => {
        const refused = force ? undefined : options.refuseReset?.();
        if (refused !== undefined) return groupError(refused.group, refused.code);
        reset(bootMode);
        return personality.recovery ? answerMap(new Map<CborValue, CborValue>([['rc', 0]])) : answer({});
      },
      { tolerant: true },
    ),
  ];
  if (options.parameters !== false) {
    handlers.push(handle(McumgrParameters, () => answer({ bufSize: buffers.size, bufCount: buffers.count })));
  }
  if (options.bootloader !== undefined) handlers.push(bootloaderHandler(ground));
  const { dateTime = false } = options;
  if (dateTime !== false) {
    handlers.push(...dateTimeHandlers(dateTime === true ? new RamClock(options.clock) : dateTime));
  }
  return handlers;
}

function bootloaderHandler({ options, personality }: GroupGround): Handler {
  const facts = options.bootloader ?? {};
  return handle(BootloaderInfo, ({ query }): Reply<BootloaderInfoAnswer> => {
    if (query === undefined) return answer({ bootloader: facts.name ?? 'MCUboot' });
    if (query === 'mode' && facts.mode !== undefined) {
      return answer({ mode: facts.mode, ...(facts.noDowngrade === true && { noDowngrade: true }) });
    }
    if (query === 'active_b0_slot' && facts.activeB0Slot !== undefined) return answer({ active: facts.activeB0Slot });
    const { layer, code } = personality.unknownQuery;
    return layer === 'smp' ? layerError(code) : groupError(group, code);
  });
}
