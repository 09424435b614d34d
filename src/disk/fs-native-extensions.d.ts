/** The part of the package that is used; it carries no types of its own. */
declare module "fs-native-extensions" {
  const locks: {
    /** Open-file-description lock on the whole file; false when another description holds it. */
    tryLock(fd: number): boolean;
  };
  export default locks;
}
