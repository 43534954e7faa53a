"""Gathering the numbers of an array that are not 0, several at once and without branches.

numba keeps the code of those who call this until their own files change: whoever changes something
here removes their ``__pycache__``.
"""

from typing import Any

import llvmlite.ir as llvm
from numba.core import cgutils, types
from numba.extending import intrinsic

NUMBERS_AT_ONCE = 16
REGISTER_BITS = 512


@intrinsic
def append_nonzero(typing: Any, source: Any, first: Any, target: Any, used: Any) -> Any:
    """Write those of ``source[first : first + 16]`` that are not 0 to ``target[used:]``, in order.

    For compiled code, without the first argument; returns their number. Both are contiguous arrays
    of the same unsigned numbers, and have room for 16 there: what comes behind the gathered in
    ``target`` is undefined. A processor with AVX-512 does this in one instruction; for others LLVM
    writes 16 steps without branches. No compiler finds either in a loop.
    """
    return types.uint64(source, types.uint64, target, types.uint64), _generate


def _generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    source, target = (
        context.make_array(signature.args[place])(context, builder, arguments[place]).data
        for place in (0, 2)
    )
    _, first, _, used = arguments
    number = context.get_value_type(signature.args[0].dtype)
    # LLVM's code for more than fits one of AVX-512's registers crashes.
    lanes = min(NUMBERS_AT_ONCE, REGISTER_BITS // number.width)
    found = llvm.Constant(used.type, 0)
    for part in range(0, NUMBERS_AT_ONCE, lanes):
        read_from = builder.gep(source, [builder.add(first, llvm.Constant(first.type, part))])
        write_to = builder.gep(target, [builder.add(used, found)])
        here = _append(builder, read_from, write_to, llvm.VectorType(number, lanes))
        found = builder.add(found, builder.zext(here, found.type))
    return found


def _append(builder: Any, read_from: Any, write_to: Any, vector: Any) -> Any:
    """Code for one register's numbers: how many are not 0."""
    lanes, width = vector.count, vector.element.width
    numbers = builder.load(builder.bitcast(read_from, vector.as_pointer()), align=width // 8)
    found = builder.icmp_unsigned("!=", numbers, llvm.Constant(vector, None))
    compress = cgutils.get_or_insert_function(
        builder.module,
        llvm.FunctionType(vector, [vector, found.type, vector]),
        f"llvm.experimental.vector.compress.v{lanes}i{width}",
    )
    gathered = builder.call(compress, [numbers, found, llvm.Constant(vector, llvm.Undefined)])
    builder.store(gathered, builder.bitcast(write_to, vector.as_pointer()), align=width // 8)
    return builder.ctpop(builder.bitcast(found, llvm.IntType(lanes)))
