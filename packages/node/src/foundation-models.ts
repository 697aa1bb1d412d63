import { type AccessLayer, ConfigCompositionDataGet, ConfigCompositionDataStatus, Model } from '@meshferry/access';

/** Octets of a page that a Config Composition Data Status has room for. */
const PAGE_ROOM = 378;

/**
 * The two models that every node has on its primary element. The Configuration Server answers Composition Data Get; the
 * rest of both comes with the foundation models.
 */
export function foundationModels(access: AccessLayer): Model[] {
  const configuration = new Model({ id: 0x0000, name: 'Configuration Server', security: 'device' });
  configuration.handle(ConfigCompositionDataGet, ({ page }, context) => {
    configuration.reply(context, ConfigCompositionDataStatus, access.compositionPage(page, PAGE_ROOM));
  });
  return [configuration, new Model({ id: 0x0002, name: 'Health Server' })];
}
