import { ConfigCompositionDataGet, ConfigCompositionDataStatus, Model } from '@meshferry/access';

/**
 * The two models that every node has on its primary element. The Configuration Server answers Composition Data Get
 * (page 0, the only one so far); the rest of both comes with the foundation models.
 */
export function foundationModels(compositionPage0: () => Uint8Array): Model[] {
  const configuration = new Model({ id: 0x0000, name: 'Configuration Server', security: 'device' });
  configuration.handle(ConfigCompositionDataGet, (_, context) => {
    configuration.reply(context, ConfigCompositionDataStatus, { page: 0, data: compositionPage0() });
  });
  return [configuration, new Model({ id: 0x0002, name: 'Health Server' })];
}
