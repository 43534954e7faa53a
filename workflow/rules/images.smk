# Which images there are.


rule generate_images:
    output:
        directory(layout.GENERATED),
    log:
        layout.log("generate_images"),
    benchmark:
        layout.benchmark("generate_images")
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=growing(limits.MB["generate_images"]),
        runtime=growing(given(times.of_making)),
    params:
        settings=given(stage_settings.of_generated_images),
        originals=given(BEFORE.originals),
        code=code_of("generate_images.py"),
    message:
        "Making the images of {wildcards.dataset}"
    script:
        "../scripts/generate_images.py"


rule list_images:
    input:
        generated=reads(inputs.list_images, "generated"),
    output:
        images=layout.IMAGES,
        state=layout.STATE,
    log:
        layout.log("list_images"),
    benchmark:
        layout.benchmark("list_images")
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=growing(given(limits.mb_of_listing)),
        runtime=growing(given(times.of_listing)),
    params:
        settings=given(places.listing_settings),
        noticed=given(BEFORE.noticed),
        code=code_of("list_images.py"),
    message:
        "Listing the images of {wildcards.dataset}"
    script:
        "../scripts/list_images.py"
