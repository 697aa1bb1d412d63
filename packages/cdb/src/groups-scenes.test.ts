import { describe, expect, it } from 'vitest';
import { labelText } from './forms.ts';
import {
  addGroup,
  ancestors,
  freeGroupAddress,
  isGroupUsed,
  removeGroup,
  renameGroup,
  setGroupParent,
} from './groups.ts';
import { updateProvisioner } from './provisioners.ts';
import { validateNetworkDocument } from './read.ts';
import { addScene, freeSceneNumber, recordScene, removeScene, renameScene } from './scenes.ts';
import { octets, sample } from './testing/samples.ts';

const full = sample();
const PHONE = '2DDAD536-F696-4C03-BF58-28989B48A711';

describe('groups', () => {
  it('are added with an address of their own', () => {
    const document = addGroup(full, { name: 'Hall', address: 'C002', parentAddress: 'C001' });
    expect(document.groups.at(-1)).toEqual({ name: 'Hall', address: 'C002', parentAddress: 'C001' });
    expect([...ancestors(document, 'C002')]).toEqual(['C002', 'C001', 'C000']);
    expect(validateNetworkDocument(addGroup(document, { name: 'V', address: labelText(octets(5)) }))).toEqual([]);
    expect(() => addGroup(full, { name: '', address: 'C000' })).toThrow('"All lights" has the address C000');
    expect(() => addGroup(full, { name: '', address: 'C002', parentAddress: 'C003' })).toThrow('no group C003');
    for (const address of ['FFFF', '0001', 'c002', '', '8000']) {
      expect(() => addGroup(full, { name: '', address })).toThrow('not an address for a group');
    }
  });

  it('never become their own ancestors', () => {
    expect(() => setGroupParent(full, 'C000', 'C001')).toThrow('its own ancestor');
    expect(() => setGroupParent(full, 'C000', 'C000')).toThrow('its own ancestor');
    expect(setGroupParent(full, 'C001', undefined).groups[1]?.parentAddress).toBe('0000');
    expect(setGroupParent(full, 'C100', 'C001').groups[2]?.parentAddress).toBe('C001');
  });

  it('go, when their children have been detached', () => {
    expect(() => removeGroup(full, 'C000')).toThrow('is the parent of "Kitchen"');
    const document = removeGroup(full, 'C000', { detach: true });
    expect(document.groups.map(({ name, parentAddress }) => [name, parentAddress])[0]).toEqual(['Kitchen', '0000']);
    expect(removeGroup(full, 'C001').groups).toHaveLength(4);
    expect(renameGroup(full, 'C001', 'K').groups[1]?.name).toBe('K');
  });

  it('have a free address found for them', () => {
    expect(freeGroupAddress(full, PHONE)).toBe(0xc002);
    expect(isGroupUsed(full, 'C001')).toBe(true);
    expect(isGroupUsed(full, 'C002')).toBe(false);
    const narrow = updateProvisioner(full, PHONE, {
      allocatedGroupRange: [{ lowAddress: 'C000', highAddress: 'C001' }],
    });
    expect(() => freeGroupAddress(narrow, PHONE)).toThrow('no free group address');
    const { groups: _, ...rest } = full;
    expect(freeGroupAddress({ ...rest, groups: [] }, PHONE)).toBe(0xc002); // Models still subscribe to both.
  });
});

describe('scenes', () => {
  it('are added, stored, deleted and removed', () => {
    const number = freeSceneNumber(full, PHONE);
    let document = addScene(full, number, 'Night');
    document = recordScene(document, number, 0x0201, true);
    document = recordScene(document, number, 0x0200, true);
    expect(document.scenes[1]).toEqual({ number: '0002', name: 'Night', addresses: ['0200', '0201'] });
    expect(recordScene(document, number, 0x0200, true)).toBe(document);
    expect(() => removeScene(document, number)).toThrow('is stored on 0200, 0201');
    document = recordScene(recordScene(document, number, 0x0200, false), number, 0x0201, false);
    expect(removeScene(document, number)).toEqual(full);
    expect(renameScene(full, 1, 'E').scenes[0]?.name).toBe('E');
    expect(() => renameScene(full, 9, 'E')).toThrow('no scene 0009');
    expect(() => addScene(full, 1, '')).toThrow('scene 0001 already');
    expect(() => addScene(full, 0, '')).toThrow('number 0');
    expect(() => addScene(full, 0x10000, '')).toThrow('16 bits');
    const narrow = updateProvisioner(full, PHONE, { allocatedSceneRange: [{ firstScene: '0001', lastScene: '0001' }] });
    expect(() => freeSceneNumber(narrow, PHONE)).toThrow('no free scene number');
  });
});
