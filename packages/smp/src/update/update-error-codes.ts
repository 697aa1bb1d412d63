/** How an update fails, as codes of {@link SmpUpdateReport.error}; a lost link, refusals and bearers have codes of their own. */
export type SmpUpdateErrorCode =
  /** The package holds nothing to send. */
  | 'smp-no-image'
  /** The device has no image of this number. */
  | 'smp-no-such-image'
  /** The application has no image group, or cannot be updated while it runs. */
  | 'smp-no-image-group'
  | 'smp-single-slot'
  | 'smp-image-too-large'
  /** The build runs from the slot that is in use; or it is not known which of two builds fits. */
  | 'smp-wrong-slot'
  | 'smp-slot-unknown'
  | 'smp-dependency-unmet'
  | 'smp-downgrade'
  /** The bootloader starts the newest image, and this would not be it. */
  | 'smp-not-newest'
  /** Something else is in the way in slot 1, and a reset does not free it. */
  | 'smp-slot-blocked'
  /** The image is set to stay, and only a test was asked for. */
  | 'smp-already-permanent'
  /** What is in the slot after the upload is not the file. */
  | 'smp-upload-corrupt'
  /** The device did not take test or confirm, or took it without effect. */
  | 'smp-select-refused'
  | 'smp-not-pending'
  | 'smp-reset-refused'
  /** Resets were accepted and did not happen. */
  | 'smp-not-reset'
  /** The image is still waiting for its boot after resets: a dependency holds it back. */
  | 'smp-swap-held'
  /** Nothing told the bootloader to start the image. */
  | 'smp-not-selected'
  | 'smp-reverted'
  | 'smp-bootloader-refused'
  | 'smp-confirm-refused'
  | 'smp-still-in-recovery'
  /** Nobody answered within the time after the reset, or after a lost link, or at all. */
  | 'smp-no-answer'
  | 'smp-unreachable'
  /** Links broke again and again without progress. */
  | 'smp-link-unstable'
  /** The store holds an unfinished update of another file. */
  | 'smp-update-unfinished'
  | 'smp-update-running'
  | 'smp-too-late';
