/** The meshferry command line. @packageDocumentation */
export {};
