import type { GattService } from '@meshferry/bearer';

/** The SMP service: one characteristic carries requests (Write Without Response) and responses (Notify) [spec: smp section 6]. */
export const SMP_SERVICE: GattService = {
  uuid: '8d53dc1d-1db7-4cd3-868b-8a527460aa84',
  dataIn: 'da2e7828-fbce-4e01-ae9e-261174997c48',
  dataOut: 'da2e7828-fbce-4e01-ae9e-261174997c48',
};
