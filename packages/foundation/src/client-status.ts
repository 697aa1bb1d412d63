import { formatAddress, MeshError } from '@meshferry/core';
import type { RequestTarget } from './client-request.ts';

/** A status code in words: its name in the specification, what it means, what to do about it. */
interface StatusWords {
  readonly name: string;
  readonly meaning: string;
  readonly remedy: string;
}

/** By status code [Mesh Protocol 1.1, 4.3.5]. */
const WORDS: readonly (StatusWords | undefined)[] = [
  undefined,
  {
    name: 'Invalid Address',
    meaning: 'it has no element with this address, or the address cannot stand here',
    remedy: 'Read its composition data, and give the address of one of its elements; models subscribe to groups only.',
  },
  {
    name: 'Invalid Model',
    meaning: 'the element has no such model',
    remedy: 'Read its composition data to see which models stand on which element.',
  },
  {
    name: 'Invalid AppKey Index',
    meaning: 'it does not have the AppKey, or the AppKey is not bound to the model',
    remedy: 'Add the AppKey to the node and bind it to the model first.',
  },
  {
    name: 'Invalid NetKey Index',
    meaning: 'it does not have the NetKey, or the AppKey belongs to another one',
    remedy: 'Add the NetKey to the node first, and name the NetKey that the AppKey is bound to.',
  },
  {
    name: 'Insufficient Resources',
    meaning: 'it has no room for another one',
    remedy: 'Remove a key, binding or subscription that is not needed from the node.',
  },
  {
    name: 'Key Index Already Stored',
    meaning: 'it has another key under this index, or the update brings the value in use',
    remedy: 'Delete the key first, or give the new one another index; an update needs a new value.',
  },
  {
    name: 'Invalid Publish Parameters',
    meaning: 'the model does not publish, or not like this',
    remedy: 'Try without a period, or leave the publication of this model alone.',
  },
  {
    name: 'Not a Subscribe Model',
    meaning: 'the model does not take messages to groups',
    remedy: 'Subscribe another model of the element.',
  },
  {
    name: 'Storage Failure',
    meaning: 'it could not store the change',
    remedy: 'Try again; when it happens again the memory of the node is full or broken.',
  },
  {
    name: 'Feature Not Supported',
    meaning: 'it does not have the feature that is needed',
    remedy: 'Look at the features in its composition data; friendship credentials need Low Power.',
  },
  {
    name: 'Cannot Update',
    meaning: 'the Key Refresh Phase of the subnet does not allow it',
    remedy: 'Read the Key Refresh Phase: end a refresh that is under way, or update the NetKey before its AppKeys.',
  },
  {
    name: 'Cannot Remove',
    meaning: 'it is the key that secured this very message, or the last one',
    remedy: 'Ask under another NetKey of the node; the last one goes with a reset only.',
  },
  {
    name: 'Cannot Bind',
    meaning: 'the model is secured by the device key and takes no AppKeys',
    remedy: 'Leave it out: such models work without a binding.',
  },
  {
    name: 'Temporarily Unable to Change State',
    meaning: 'it cannot do so at the moment',
    remedy: 'Try again later; for Node Identity stop that of another subnet first.',
  },
  {
    name: 'Cannot Set',
    meaning: 'the value is beyond what it can do',
    remedy: 'Give a smaller value.',
  },
  {
    name: 'Unspecified Error',
    meaning: 'it does not say why',
    remedy: 'Try again; look at the log of the node if it has one.',
  },
  {
    name: 'Invalid Binding',
    meaning: 'the AppKey is bound to another NetKey',
    remedy: 'Name the NetKey that the AppKey is bound to, or delete the AppKey and add it anew.',
  },
  {
    name: 'Invalid Path Entry',
    meaning: 'it has no such entry in its Forwarding Table',
    remedy: 'Read its Forwarding Table.',
  },
  {
    name: 'Cannot Get',
    meaning: 'it cannot tell this',
    remedy: 'Look whether the feature is on.',
  },
  {
    name: 'Obsolete Information',
    meaning: 'its table has changed since it was first asked',
    remedy: 'Read the table from its beginning.',
  },
  {
    name: 'Invalid Bearer',
    meaning: 'it does not have this bearer',
    remedy: 'Name a bearer that the node has.',
  },
];

/**
 * A node answered with a status other than Success. `code` is `config-status` for all of them, {@link status} says which
 * (see `ConfigurationStatus`).
 */
export class ConfigurationStatusError extends MeshError {
  /** As received, 0x01 to 0xFF. */
  readonly status: number;

  constructor(status: number, message: string, hint: string) {
    super('config-status', message, { hint });
    this.name = 'ConfigurationStatusError';
    this.status = status;
  }
}

/** The same value again, or throws {@link ConfigurationStatusError} when its status is not Success. `what` was wanted. */
export function succeeded<T extends { readonly status: number }>(answer: T, what: string, to: RequestTarget): T {
  if (answer.status === 0) return answer;
  const code = `0x${answer.status.toString(16).padStart(2, '0')}`;
  const { name, meaning, remedy } = WORDS[answer.status] ?? {
    name: 'a status that is not known',
    meaning: 'the specification does not have it',
    remedy: 'Look for it in the documentation of the node.',
  };
  const message = `${what}: ${formatAddress(to.address)} answers ${name} (${code}): ${meaning}`;
  throw new ConfigurationStatusError(answer.status, message, remedy);
}
