;; Keeps the processor busy in a function of its own for a while.
(module
  (memory (export "memory") 1)
  (func $hard_work (param $rounds i32)
    (loop $again
      (i32.store (i32.const 0)
        (i32.mul (i32.load (i32.const 0)) (i32.const 31)))
      (br_if $again
        (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1))))))
  (func (export "_start")
    (call $hard_work (i32.const 100000000))))
