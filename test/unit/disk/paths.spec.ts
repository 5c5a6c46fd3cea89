import { mkdtemp, realpath, rm, symlink, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix, win32 } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { driveOf, pathKey, truePath, typedPath } from '../../../src-main/disk/paths.js';

describe('driveOf', () => {
  it.each([
    ['C:\\cache\\x.weights', 'c:\\packs'],
    ['C:\\packs', 'c:/packs/flux.safetensors'],
    ['\\\\?\\C:\\packs', 'C:\\'],
    ['\\\\server\\models\\a', '//SERVER/Models/b'],
    ['\\\\?\\UNC\\server\\models\\a', '\\\\server\\models\\b'],
  ])('is one for %s and %s', (one, other) => {
    expect(driveOf(one, win32)).toBe(driveOf(other, win32));
  });

  it.each([
    ['C:\\packs', 'D:\\packs'],
    ['\\\\server\\models\\a', '\\\\server\\photos\\a'],
    ['\\\\?\\D:\\packs', 'C:\\packs'],
  ])('differs for %s and %s', (one, other) => {
    expect(driveOf(one, win32)).not.toBe(driveOf(other, win32));
  });

  it('is one on other systems', () => {
    expect(driveOf('/media/disk/pack', posix)).toBe(driveOf('/home/cache', posix));
  });
});

describe('pathKey', () => {
  it.each([
    ['C:\\Packs\\Demo', 'c:\\packs\\DEMO\\'],
    ['C:\\packs\\demo', 'C:/packs/x/../demo'],
    ['\\\\?\\C:\\packs', 'C:\\packs'],
    ['C:\\', 'c:/'],
  ])('is one on Windows for %s and %s', (one, other) => {
    expect(pathKey(one, win32)).toBe(pathKey(other, win32));
  });

  it('keeps the root a root, and names that differ in more than case apart', () => {
    expect(pathKey('C:\\', win32)).toBe('c:\\');
    expect(pathKey('C:\\a b', win32)).not.toBe(pathKey('C:\\ab', win32));
  });

  it('tells upper from lower case elsewhere, where a backslash is a letter', () => {
    expect(pathKey('/packs/Demo', posix)).not.toBe(pathKey('/packs/demo', posix));
    expect(pathKey('/packs/demo/', posix)).toBe(pathKey('/packs/demo', posix));
    expect(pathKey('/a\\b', posix)).not.toBe(pathKey('/a/b', posix));
  });
});

describe('typedPath', () => {
  it.each([
    ['"C:\\My packs\\flux"', 'C:\\My packs\\flux'],
    ["  'D:\\flux' ", 'D:\\flux'],
    ['file:///C:/My%20packs/flux', 'C:\\My packs\\flux'],
    ['file://server/models/flux', '\\\\server\\models\\flux'],
    ['"file:///D:/a.safetensors"', 'D:\\a.safetensors'],
    ['C:\\it"s', 'C:\\it"s'],
    ['"C:\\open', 'C:\\open'],
    // What cmd makes of "C:\My packs\".
    ['C:\\My packs"', 'C:\\My packs'],
  ])('takes %s on Windows', (text, meant) => {
    expect(typedPath(text, true)).toBe(meant);
  });

  it('takes addresses of files elsewhere, and leaves those of other computers as they are', () => {
    expect(typedPath('file:///home/me/a%20b', false)).toBe('/home/me/a b');
    expect(typedPath('file://server/models', false)).toBe('file://server/models');
  });
});

describe('truePath', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'true-path-')));
    await mkdir(join(folder, 'pack'));
    await symlink(join(folder, 'pack'), join(folder, 'link'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('follows links', async () => {
    expect(await truePath(join(folder, 'link'))).toBe(join(folder, 'pack'));
  });

  it('is the path itself where the system cannot name a place that is there', async () => {
    const unnamed = Object.assign(new Error('too long'), { code: 'ENOENT' });
    const calls = { realpath: () => Promise.reject(unnamed), stat: () => Promise.resolve({}) };
    expect(await truePath(join(folder, 'pack', '..', 'pack'), calls)).toBe(join(folder, 'pack'));
  });

  it('throws where nothing is', async () => {
    await expect(truePath(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
