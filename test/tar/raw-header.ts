import { BLOCK, padding } from "../../src/tar/block.ts";

/** The fields of one header block, to be written as they are, however wrong. */
export interface RawFields {
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly modifiedAt: number;
  readonly flag: string;
  readonly linkName: string;
  readonly userName: string;
  readonly groupName: string;
}

/** Puts the right checksum over whatever stands in a block. */
export function sealHeader(block: Buffer): void {
  const sum = block.fill(" ", 148, 156).reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
}

export function rawHeader(fields: RawFields): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number): void => {
    block.write(value.toString(8).padStart(digits, "0"), at, digits);
  };
  block.write(fields.name, 0, 100);
  octal(fields.mode, 100, 7);
  octal(fields.uid, 108, 7);
  octal(fields.gid, 116, 7);
  octal(fields.size, 124, 11);
  octal(fields.modifiedAt, 136, 11);
  block.write(fields.flag, 156, 1);
  block.write(fields.linkName, 157, 100);
  block.write("ustar\x0000", 257);
  block.write(fields.userName, 265, 32);
  block.write(fields.groupName, 297, 32);
  sealHeader(block);
  return block;
}

/** A PAX record whose length is right. */
export function paxRecord(key: string, value: string | Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from("\n")]);
  let length = body.length;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

/** Pads to whole blocks. */
export function padded(body: Buffer): Buffer {
  return Buffer.concat([body, Buffer.alloc(padding(body.length))]);
}
