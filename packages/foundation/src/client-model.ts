import { type MessageType, Model, type ModelId } from '@meshferry/access';
import { ClientRequests } from './client-request.ts';

/** A client of a server that is secured by its device key: it takes the answers among `messages`. */
export function clientModel(
  id: ModelId,
  name: string,
  messages: readonly MessageType<unknown>[],
): { readonly model: Model; readonly requests: ClientRequests } {
  const model = new Model({ id, name, security: 'peer-device' });
  for (const message of messages) if (message.response === undefined) model.handle(message);
  return { model, requests: new ClientRequests(model) };
}
