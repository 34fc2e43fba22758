;; Writes lines for ever: to its standard output, or with an argument to its
;; standard error. Exits with the number of the error that ends it.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "yes\n")
  (func (export "_start") (local $error i32)
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (i32.store (i32.const 8) (i32.const 16))
    (i32.store (i32.const 12) (i32.const 4))
    (loop $again
      (local.set $error
        (call $write (i32.load (i32.const 0)) (i32.const 8) (i32.const 1) (i32.const 4)))
      (br_if $again (i32.eqz (local.get $error))))
    (call $exit (local.get $error))))
