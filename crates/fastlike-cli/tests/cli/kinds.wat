;; Exits with the kinds of file that its standard output (tens) and its standard
;; error are to it: 2 is a terminal.
(module
  (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $stat (i32.const 1) (i32.const 0)))
    (drop (call $stat (i32.const 2) (i32.const 32)))
    (call $exit
      (i32.add
        (i32.mul (i32.const 10) (i32.load8_u (i32.const 0)))
        (i32.load8_u (i32.const 32))))))
